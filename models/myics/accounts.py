"""Accounts: their kinds and states, and what may be done to them (M4, M8)."""

from enum import StrEnum

WRONG_PASSWORDS = 10
"""How many wrong passwords in a row lock an account."""
WRONG_KEYWORDS = 5
"""How many wrong keywords in a row lock a registration."""
KEYWORD_LENGTH = 64
"""Characters (M2)."""


class AccountKind(StrEnum):
    """ユーザー種別 (M4). The values are what people choose from."""

    GENERAL = "一般"
    ADMINISTRATOR = "管理者"


class AccountState(StrEnum):
    """How an account stands; the last two no longer count, and their address is free again (M8)."""

    INVITED = "招待中"
    PROVISIONAL = "仮登録"
    REGISTERED = "登録済み"
    STOPPED = "停止"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"
