"""Whose turn a case is."""

from enum import StrEnum


class WaitingFor(StrEnum):
    """Whose turn it is."""

    APPLICANT = "申込者"
    HOLDER = "契約者"
    """The holder of the contract that a case is about, where that may be somebody else."""
    OPERATOR = "担当者"
    SYSTEM = "システム"
