"""What can be done with many cases at once: which operation it is for each, and which of them one may do it with."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, ValidationError

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.actors import Actor
from models.common.allowed_actors import may_send
from models.common.message import FromOutside
from models.common.operations import Operation
from models.common.operators import Role
from models.common.refusals import FieldError, RefusedError, in_japanese
from models.common.typed_days import TypedDay
from models.myics.operations import RegistrationOperation
from models.myics.registrations import RegistrationKind
from models.webhooks.messages import DELIVERY_WORKFLOW, WebhookOperation
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import OFFICE_WORKFLOW

MOST_CASES = 500
"""Cases of one bulk action."""
NO_SUCH_OPERATION = "この手続きには、この操作はありません。"
NOT_ALLOWED = "この操作をする役割がありません。"
OTHERS = "ほかの担当者の案件です。ほかの担当者の案件をまとめて操作できるのは、責任者だけです。"
NOT_BEGUN = "この案件は、まだ始まっていません。しばらくしてから、もう一度お試しください。"
NO_MAIL = "送り直せるメールがありません。"


class BulkKind(StrEnum):
    """What is done; the values stand in forms and rows."""

    label: str

    def __new__(cls, name: str, label: str) -> Self:
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.label = label
        return kind

    @classmethod
    def named(cls, name: str) -> "BulkKind":
        """Return the kind of this value. Raises `ValueError` if there is none."""
        if found := next((each for each in cls if each.value == name), None):
            return found
        raise ValueError("no kind of bulk action")

    NOTE = "note", "対応を記録する（メモ）"
    HAND_OVER = "hand_over", "担当者を替える"
    EXTEND = "extend", "期限を延ばす"
    RESEND = "resend", "届かなかったメール（なければ最後のメール）を送り直す"


_REGISTRATIONS: Mapping[BulkKind, Operation] = {
    BulkKind.NOTE: RegistrationOperation.ADD_NOTE,
    BulkKind.HAND_OVER: RegistrationOperation.HAND_OVER,
    BulkKind.EXTEND: RegistrationOperation.EXTEND_DEADLINE,
    BulkKind.RESEND: RegistrationOperation.RESEND,
}
_OPERATIONS: Mapping[str, Mapping[BulkKind, Operation]] = {
    OFFICE_WORKFLOW: {
        BulkKind.NOTE: Action.ADD_NOTE,
        BulkKind.HAND_OVER: Action.HAND_OVER,
        BulkKind.EXTEND: Action.EXTEND_DEADLINE,
        BulkKind.RESEND: Action.RESEND_MAIL,
    },
    **{kind.workflow_type: _REGISTRATIONS for kind in RegistrationKind},
    DELIVERY_WORKFLOW: {BulkKind.RESEND: WebhookOperation.RESEND},
}
"""By the procedure, as its workflow is called; all other procedures have none of these."""


class BulkContent(FromOutside):
    """What is said for all cases."""

    reason: str = Field(min_length=1, max_length=1000)
    to: str | None = Field(default=None, max_length=100)
    """The handle of the colleague who gets them."""
    until: TypedDay | None = None

    @classmethod
    def read(cls, kind: BulkKind, typed: Mapping[str, str]) -> Self:
        """Read what was typed. Raises `RefusedError`."""
        wanted = {"reason"} | {BulkKind.HAND_OVER: {"to"}, BulkKind.EXTEND: {"until"}}.get(kind, set())
        sent = {name: typed.get(name, "").strip() for name in wanted}
        if missing := [name for name, text in sent.items() if not text]:
            raise RefusedError([FieldError(field=name, message=_MISSING[name]) for name in missing])
        try:
            return cls.model_validate(sent)
        except ValidationError as invalid:
            raise RefusedError(in_japanese(invalid.errors())) from None


_MISSING = {
    "reason": "理由を入力してください。",
    "to": "新しい担当者を選んでください。",
    "until": "新しい期限を入力してください。",
}


def operation_for(kind: BulkKind, procedure: str) -> Operation | None:
    """Return the operation by which it is done with a case of this procedure; None if it has none."""
    return _OPERATIONS.get(procedure, {}).get(kind)


def message_for(content: BulkContent, operation: Operation, mail: str | None) -> dict[str, Any]:
    """Return what is sent to one case; `mail` is the kind of the mail that it would send again."""
    message = content.model_dump(mode="json", exclude_none=True)
    return message | ({"kind": mail} if operation is Action.RESEND_MAIL else {})


def refuse_actor(actor: Actor, procedure: str, operation: str, assignee: str | None) -> str | None:
    """Return why this operator may not do it with this case among many; None if they may."""
    if not may_send(OPERATION_PERMISSIONS, procedure, operation, actor):
        return NOT_ALLOWED
    if assignee not in {None, actor.handle} and not actor.has_any({Role.SUPERVISOR}):
        return OTHERS
    return None
