"""Identifiers of MYICS; each holds one normal form, as all identifiers do."""

import re
from typing import Self

from models.common.identifiers import CountedIdentifier, Digits

CUSTOMER_DIGITS, CLIENT_DIGITS = 10, 14


class CustomerNo(Digits):
    """お客様番号 of an accounting firm: the 10 digits with which its clients' IDs begin (M7)."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{10}")
    refusal = "お客様番号は 10 桁の数字で入力してください。"


class ClientSuffix(Digits):
    """The last 4 digits of a client ID: all that is typed of it (M7)."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{4}")
    refusal = "顧問先ID の下 4 桁を、4 桁の数字で入力してください（例：0012。先頭の 0 も必要です）。"


class ClientId(Digits):
    """顧問先ID: 14 digits, the firm's own 10 and 4 more (M7)."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{14}")
    refusal = "顧問先ID は 14 桁の数字で入力してください。"

    @classmethod
    def of(cls, firm: CustomerNo, suffix: ClientSuffix) -> Self:
        return cls(firm + suffix)

    @property
    def firm(self) -> CustomerNo:
        return CustomerNo(self[:CUSTOMER_DIGITS])


class HolderNo(Digits):
    """Whose account it is, and the number to log in with: a firm's customer number or a client's ID (M3, M8)."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{10}([0-9]{4})?")
    label_of_both = "お客様番号または顧問先ID"
    """What asks for either calls it: a firm's number and a client's ID are two things to those who have one."""
    refusal = "お客様番号（10 桁の数字）か、顧問先ID（14 桁の数字）を入力してください。"

    @property
    def label(self) -> str:
        """What people call this one."""
        return "顧問先ID" if self.client else "お客様番号"

    @property
    def firm(self) -> CustomerNo:
        return CustomerNo(self[:CUSTOMER_DIGITS])

    @property
    def client(self) -> ClientId | None:
        """The client, if it is not the firm itself."""
        return ClientId(self) if len(self) == CLIENT_DIGITS else None


class RegistrationNo(CountedIdentifier, letters="MR", label="受付番号"):
    """受付番号 of one registration, such as `MR-000123`."""

    __slots__ = ()


class BatchNo(CountedIdentifier, letters="MB", label="一括登録の受付番号"):
    """受付番号 of one file, such as `MB-000123`."""

    __slots__ = ()


def registration_workflow_id(number: RegistrationNo | BatchNo) -> str:
    """Workflow id of a registration or of a batch; nothing personal in it."""
    return f"myics/{number}"
