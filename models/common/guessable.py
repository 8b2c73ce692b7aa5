"""Keys and passwords of our own choice: long random texts, which nobody guesses."""

LEAST_LENGTH = 32
"""Characters: 128 bits are 32 hexadecimal digits; other spellings hold more in them."""
_LEAST_KINDS = 8
"""Different characters: a random text of that length has more; one that somebody typed or repeated often has not."""
_SUCH_AS = 'such as from python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def refuse_guessable(text: str, what: str) -> None:
    """Raise `ValueError` for a text that is no long random one; it says what is wanted, and not the text."""
    if len(text) < LEAST_LENGTH:
        raise ValueError(f"{what} has {len(text)} characters: give at least {LEAST_LENGTH}, {_SUCH_AS}")
    if len(set(text)) < _LEAST_KINDS:
        raise ValueError(f"{what} repeats few characters: give a random text, {_SUCH_AS}")
