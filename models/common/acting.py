"""Who sent the operation that is being handled, for its handler."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from models.common.actors import Actor

_ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)


def acting() -> Actor | None:
    """Return who sent the operation that this handler handles; None outside of one."""
    return _ACTING.get()


@contextmanager
def acting_as(actor: Actor | None) -> Iterator[None]:
    """Let a handler know who acts, while the context lasts."""
    before = _ACTING.set(actor)
    try:
        yield
    finally:
        _ACTING.reset(before)
