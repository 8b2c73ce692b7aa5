"""Asking a case whether an operation could be done now, by its own rules, without doing it."""

from typing import Any

from models.common.message import Message

JUDGE = "judge_operation"
"""The query of procedures whose operations are done with many cases at once."""
JUDGE_DESCRIPTION = "操作ができるかどうかの確認（担当者の画面用）"


class OperationToJudge(Message):
    """An operation as it would be sent."""

    operation: str
    message: dict[str, Any]


class Judgement(Message):
    """What the case would say."""

    refused_because: str | None = None
    """In Japanese; None: it could be done."""
