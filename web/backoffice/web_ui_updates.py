"""*Send an Update* of the Temporal Web UI: read here, sent as the desk sends, answered in the Web UI's own format."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID, uuid4

from google.protobuf.json_format import MessageToDict, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.update.v1 import Outcome as TemporalOutcome
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse

from models.common.actors import Actor, ActorKind, Channel
from models.common.identifiers import next_try
from models.common.json_text import read_json
from models.common.operator_message import NOTHING_WRITTEN
from models.common.operators import Area
from models.common.signatures import SignedPlace
from web.common.auth.operator_access import SignedInOperator
from web.common.operation_sender import Done, NotKnown, Outcome, Refused, SignedOperation, Why

NOT_ALLOWED = "案件を操作する役割（担当者・責任者）がありません。操作が必要なときは、担当者に依頼してください。"
OTHER_NAMESPACE = "このシステムの案件ではないため、操作できません。"
UNREADABLE = "送信された内容を読み取れません。画面を読み込み直し、もう一度お試しください。"
OWN_UPDATE_ID = "「Update ID」は、空のままにするか、横のボタンで作った値にしてください。"
NOT_JSON = "JSON を読み取れません（{why}）。案件の画面（User Metadata）の操作のリンクから、入力の画面を開けます。"
BROKEN = "JSON として正しくありません。かっこ・引用符・カンマを確認してください"
NO_OBJECT = "{ で始まり } で終わる JSON を貼り付けてください"
_MOST_KEPT = 1000


class SendsOperations(Protocol):
    """`OperationSender`."""

    async def send(
        self, workflow_id: str, operation: str, content: Mapping[str, Any], actor: Actor, update_id: str
    ) -> Outcome: ...

    async def result(self, workflow_id: str, update_id: str) -> Outcome | None: ...

    async def sign(self, actor: Actor, place: SignedPlace, content: Mapping[str, Any]) -> SignedOperation: ...

    async def send_signed(self, signed: SignedOperation) -> Outcome: ...


class MisreadError(Exception):
    """What was sent is no operation; the text says in Japanese why."""


class WebUiUpdates:
    """Answers updates of the cases' namespace. What came of them is known by their ids, also when it is sent again."""

    def __init__(self, sender: SendsOperations, namespace: str) -> None:
        self._sender = sender
        self._namespace = namespace
        self._not_known: OrderedDict[str, str] = OrderedDict()
        """The update ids of what may or may not have been taken: the Web UI's dialog would send it under another."""

    async def answer(
        self, who: SignedInOperator, namespace: str, workflow_id: str, operation: str, body: bytes
    ) -> dict[str, Any]:
        """Send it, and return the answer of Temporal's own server to an update that was done, or that was refused."""
        if not who.may_change(Area.CASES):
            return _failure(NOT_ALLOWED)
        if namespace != self._namespace:
            return _failure(OTHER_NAMESPACE)
        try:
            content, given = read(body)
        except MisreadError as misread:
            return _failure(str(misread))
        same = json.dumps([who.handle, workflow_id, operation, content], sort_keys=True)
        update_id = given or self._not_known.pop(same, None) or str(uuid4())
        outcome = await self._sender.send(workflow_id, operation, content, actor_of(who, Channel.WEB_UI), update_id)
        failed = isinstance(outcome, Refused) and outcome.why is not Why.BY_THE_CASE
        if failed or isinstance(outcome, NotKnown):
            self._not_known[same] = next_try(update_id) if failed else update_id
            if len(self._not_known) > _MOST_KEPT:
                self._not_known.popitem(last=False)
        return _answer(outcome)


def actor_of(who: SignedInOperator, channel: Channel) -> Actor:
    """Return who acts, for the signature."""
    return Actor(ActorKind.OPERATOR, who.handle, tuple(sorted(role.value for role in who.roles)), channel)


def read(body: bytes) -> tuple[dict[str, Any], str | None]:
    """Return an update's message, and the id that it is to have, if one was given. Raises `MisreadError`."""
    try:
        sent = Parse(body, UpdateWorkflowExecutionRequest(), ignore_unknown_fields=True).request
    except (ParseError, UnicodeDecodeError):
        raise MisreadError(UNREADABLE) from None
    return _content(sent.input.args.payloads), _update_id(sent.meta.update_id)


def _content(payloads: Any) -> dict[str, Any]:
    text = payloads[0].data if len(payloads) == 1 else b""
    if not text.strip() or text.strip() in {b"null", b'""'}:
        raise MisreadError(NOT_JSON.format(why=NOTHING_WRITTEN))
    try:
        content = read_json(text)
    except ValueError:
        raise MisreadError(NOT_JSON.format(why=BROKEN)) from None
    if not isinstance(content, dict):
        raise MisreadError(NOT_JSON.format(why=NO_OBJECT))
    return content


def _update_id(given: str) -> str | None:
    """An id that somebody made up could hold anything, and update ids are in clear text."""
    if not given:
        return None
    try:
        return str(UUID(given))
    except ValueError:
        raise MisreadError(OWN_UPDATE_ID) from None


def _answer(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Done(text=text):
            return _response(TemporalOutcome(success=Payloads(payloads=[_payload(text)] if text else [])))
        case Refused(reason=reason) | NotKnown(reason=reason):
            return _failure(reason)


def _failure(reason: str) -> dict[str, Any]:
    info = ApplicationFailureInfo(type="Refused", non_retryable=True)
    return _response(TemporalOutcome(failure=Failure(message=reason, application_failure_info=info)))


def _payload(text: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text, ensure_ascii=False).encode())


def _response(outcome: TemporalOutcome) -> dict[str, Any]:
    completed = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    return MessageToDict(UpdateWorkflowExecutionResponse(outcome=outcome, stage=completed))
