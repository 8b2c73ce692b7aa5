"""What a password must be made of, for each of the places where one is set (Y19, Y26, M6)."""

import re
from dataclasses import dataclass
from enum import StrEnum


class PasswordKind(StrEnum):
    """Where a password is for. Letter case always matters."""

    YAYOI_ID = "弥生ID のパスワード"
    SUPPORT = "サポート・サービスのログインパスワード"
    MYICS = "MYICS のパスワード"

    @property
    def rule(self) -> str:
        """The rule as people read it beside the field."""
        return _RULES[self].text

    def refusal(self, password: str) -> str | None:
        """Why the password cannot be used and what to do; None if it can. Nothing is folded or trimmed."""
        rule = _RULES[self]
        if not password:
            return "入力してください。"
        if not rule.allowed.fullmatch(password):
            return f"使えない文字（全角文字や空白など）が含まれています。{rule.text}で入力してください。"
        if not rule.shortest <= len(password) <= rule.longest:
            return f"{rule.text}で入力してください（入力された文字数：{len(password)}）。"
        if rule.mixed and (password.isalpha() or password.isdigit()):
            return "英字と数字を、それぞれ 1 文字以上使ってください。"
        return None


@dataclass(frozen=True)
class _Rule:
    characters: str
    allowed: re.Pattern[str]
    shortest: int
    longest: int
    mixed: bool = False
    """Whether letters and digits must both be there."""

    @property
    def text(self) -> str:
        return f"{self.characters} {self.shortest}～{self.longest} 文字"


_LETTERS_AND_DIGITS = re.compile("[0-9A-Za-z]+")
_RULES = {
    PasswordKind.YAYOI_ID: _Rule("半角の英字・数字・記号", re.compile("[!-~]+"), 8, 64),  # Y26
    PasswordKind.SUPPORT: _Rule("半角の英字と数字を両方使った", _LETTERS_AND_DIGITS, 6, 12, mixed=True),  # Y19
    PasswordKind.MYICS: _Rule("半角の英字・数字", _LETTERS_AND_DIGITS, 8, 16),  # M6
}
