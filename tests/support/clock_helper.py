"""A helper that no workflow may use."""

from datetime import UTC, datetime


def this_moment() -> str:
    return datetime.now(UTC).isoformat()
