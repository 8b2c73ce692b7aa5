"""The keys that sign links, codes and cookies."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from itsdangerous import URLSafeSerializer


@dataclass(frozen=True)
class SecretKeys:
    """The key that signs now, and those that did before: what they signed stays valid while they are listed."""

    current: str
    former: tuple[str, ...] = ()
    """From the newest to the oldest."""

    @property
    def oldest_first(self) -> list[str]:
        """As itsdangerous takes them: the last one signs, each verifies."""
        return [*reversed(self.former), self.current]

    def serializer(self, salt: str) -> URLSafeSerializer:
        """Return what signs, and reads what any of the keys has signed, for one purpose."""
        return URLSafeSerializer(self.oldest_first, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})

    def digest(self, text: str | bytes) -> bytes:
        """Return the HMAC-SHA256 of a text, 32 bytes."""
        return next(self.digests(text))

    def digests(self, text: str | bytes) -> Iterator[bytes]:
        """Yield the digest by each key, that of the current one first."""
        message = text if isinstance(text, bytes) else text.encode()
        return (hmac.digest(key.encode(), message, "sha256") for key in (self.current, *self.former))
