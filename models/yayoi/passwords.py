"""What the passwords of 弥生's customers must be made of."""

from models.common.passwords import LETTERS_AND_DIGITS, PRINTABLE, PasswordRule

OWN_WORDS = ("yayoi", "yayoiid", "yayoikk", "shohyo", "password")
"""What is no password here, whatever digits and signs are around it."""
YAYOI_ID_PASSWORD = PasswordRule("半角の英字・数字・記号", PRINTABLE, 8, 64, own_words=OWN_WORDS)
"""With which one signs in as a Yayoi ID (Y26)."""
SUPPORT_PASSWORD = PasswordRule(
    "半角の英字と数字を両方使った", LETTERS_AND_DIGITS, 6, 12, mixed=True, own_words=OWN_WORDS
)
"""サポート・サービスのログインパスワード, set in STEP5 (Y19)."""
