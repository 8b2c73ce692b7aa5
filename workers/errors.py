"""What the person at the keyboard can do something about."""


class ClearError(Exception):
    """Ends the program with its message alone: it says what is wrong and what to do."""
