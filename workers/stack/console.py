"""Where the stack says what it does, for the person who has started it."""

import contextlib
from collections.abc import Callable

Say = Callable[[str], None]


def tell(text: str) -> None:
    """Print at once. A console that has gone away is no reason to stop."""
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201 the supervisor's console
