"""Who sent the operation that is being handled, for its handler."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from models.common.actors import Actor
from models.common.signed_acts import SignedAct

SYSTEM = "system"
"""Who acts where nobody has asked for it."""
_ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)
_COMMITMENT: ContextVar[str | None] = ContextVar("commitment", default=None)
_SIGNED: ContextVar[SignedAct | None] = ContextVar("signed", default=None)


def acting() -> Actor | None:
    """Return who sent the operation that this handler handles; None outside of one."""
    return _ACTING.get()


def who_acts() -> str:
    """Return what records name them by: `operator:sk`, or `system` where a procedure acts by itself."""
    actor = acting()
    return str(actor) if actor else SYSTEM


def who_is_shown() -> str:
    """Return how people read who acts."""
    actor = acting()
    return actor.shown if actor else SYSTEM


def acting_commitment() -> str | None:
    """Return what the operation that is being handled has committed to (`models/common/commitments.py`)."""
    return _COMMITMENT.get()


def signed_act() -> SignedAct | None:
    """Return the operation that is being handled as it was signed, for the audit trail."""
    return _SIGNED.get()


@contextmanager
def acting_as(actor: Actor | None, commitment: str | None = None, signed: SignedAct | None = None) -> Iterator[None]:
    """Let a handler know who acts, while the context lasts."""
    before, committed, kept = _ACTING.set(actor), _COMMITMENT.set(commitment), _SIGNED.set(signed)
    try:
        yield
    finally:
        _SIGNED.reset(kept)
        _COMMITMENT.reset(committed)
        _ACTING.reset(before)
