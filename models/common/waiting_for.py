"""Whose turn a case is."""

from enum import StrEnum


class WaitingFor(StrEnum):
    """Whose turn it is."""

    APPLICANT = "申込者"
    OPERATOR = "担当者"
    SYSTEM = "システム"
