"""What a password must be made of: the form of a rule; each package has the rules of its own passwords."""

import re
from dataclasses import dataclass

from models.common.known_passwords import is_known

LETTERS_AND_DIGITS = re.compile("[0-9A-Za-z]+")
PRINTABLE = re.compile("[!-~]+")
"""All signs of ASCII that can be seen."""


KNOWN = (
    "よく使われているパスワードか、推測されやすいパスワードのため、使えません。"
    "単語や続き番号を避け、ほかのサービスで使っていないものを入力してください。"
)


@dataclass(frozen=True)
class PasswordRule:
    """What one password must be made of. Letter case always matters; nothing is folded or trimmed."""

    characters: str
    """What it is made of, as people read it."""
    allowed: re.Pattern[str]
    shortest: int
    longest: int
    mixed: bool = False
    """Whether letters and digits must both be there."""
    own_words: tuple[str, ...] = ()
    """In small letters: what is no password here, whatever digits and signs are around it."""

    @property
    def text(self) -> str:
        """The rule as people read it beside the field."""
        return f"{self.characters} {self.shortest}～{self.longest} 文字"

    def refusal(self, password: str) -> str | None:
        """Why the password cannot be used and what to do; None if it can."""
        if not password:
            return "入力してください。"
        if not self.allowed.fullmatch(password):
            return f"使えない文字（全角文字や空白など）が含まれています。{self.text}で入力してください。"
        if not self.shortest <= len(password) <= self.longest:
            return f"{self.text}で入力してください（入力された文字数：{len(password)}）。"
        if self.mixed and (password.isalpha() or password.isdigit()):
            return "英字と数字を、それぞれ 1 文字以上使ってください。"
        return KNOWN if is_known(password, self.own_words) else None
