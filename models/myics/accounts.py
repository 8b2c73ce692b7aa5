"""Accounts: their kinds and states (M4, M8)."""

from enum import StrEnum


class AccountKind(StrEnum):
    """ユーザー種別 (M4). The values are what people choose from."""

    GENERAL = "一般"
    ADMINISTRATOR = "管理者"


class AccountState(StrEnum):
    """What an account is now; the last two no longer count, and their address is free again (M8)."""

    INVITED = "招待中"
    PROVISIONAL = "仮登録"
    REGISTERED = "登録済み"
    STOPPED = "停止"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"
