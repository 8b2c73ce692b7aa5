"""The rules that a pair is checked against."""

from enum import StrEnum


class PairRule(StrEnum):
    """The value is the rule's number, as histories hold it and operators read it."""

    ONE_TO_ONE = "Y1"
    ID_EXISTS = "Y2"
    ID_IN_NO_GROUP = "Y3"
    TOKEN_OF_THE_CONTRACT = "Y5"  # noqa: S105 no password
    ID_ISSUED_BEFORE = "Y9"
