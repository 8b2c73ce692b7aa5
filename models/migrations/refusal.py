"""A database that a migration cannot go on with until somebody has mended it."""


class NotMigratableError(Exception):
    """What stands in the way and what to do; nothing was changed."""
