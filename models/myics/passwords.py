"""What a password of MYICS must be made of."""

from models.common.passwords import LETTERS_AND_DIGITS, PasswordRule

MYICS_PASSWORD = PasswordRule("半角の英字・数字", LETTERS_AND_DIGITS, 8, 16)
"""With which one signs in to MYICS (M6)."""
