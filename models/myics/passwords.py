"""What a password of MYICS must be made of."""

from models.common.passwords import LETTERS_AND_DIGITS, PasswordRule

OWN_WORDS = ("myics", "nihonics", "ics", "password")
"""What is no password here, whatever digits and signs are around it."""
MYICS_PASSWORD = PasswordRule("半角の英字・数字", LETTERS_AND_DIGITS, 8, 16, own_words=OWN_WORDS)
"""With which one signs in to MYICS (M6)."""
