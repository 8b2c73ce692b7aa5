"""What the gallery shows of a mail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workers.gallery.scene import Scene

Send = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Entry:
    """When a mail goes out, in Japanese, and what has it sent: its last mail, and all others of the same kind."""

    when: str
    send: Send
