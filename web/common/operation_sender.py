"""Sending an operation to a case, signed with who acts: by the desk, the customers' web, and commands alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError

from models.common.actors import Actor
from models.common.case_context import about_case, case_of
from models.common.commitments import SALT, ContentError, new_salt, salted
from models.common.messages import TRY_LATER
from models.common.operator_message import ActionMessage
from models.common.refusals import is_for_people
from models.common.security_log import SecurityEvent, security_event
from models.common.signatures import ALREADY_TAKEN, SignedPlace, Signer
from models.common.signed_acts import SignedAct
from models.common.temporal_answers import is_unknown_workflow
from web.common.auth.signing import sending_with, signing_client
from web.common.measures import count_operation
from web.common.temporal_calls import UnreachableError, temporal_call

PATIENCE = timedelta(seconds=10)
"""How long an operation is waited for before it is not known what has become of it."""
ENDED = "この案件は、すでに終了しています。"
NOT_STARTED = "この案件は、まだ始まっていません。しばらくしてから、もう一度お試しください。"
NOT_THERE = "この案件には、この操作はありません。"
UNREADABLE = "この操作の内容は送信できません。入力した内容を確認してください。"
UNSAID = "受け付けられませんでした。しばらくしてから、もう一度お試しください。"
GOES_ON = "受け付けました。処理は自動で続いています。結果は、案件の画面の「経過」に出ます。"
NOT_KNOWN = "受け付けられたかどうか、まだ確認できません。しばらくしてから、同じ操作をもう一度送ってください。"

_ENDED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"
"""What the server calls an update whose workflow has ended before it could answer."""

SignerNow = Callable[[], Awaitable[Signer]]
"""Returns what signs now: keys are changed while a process runs."""


class Why(StrEnum):
    """What kind of refusal it is, for senders that do not only show its reason."""

    BY_THE_CASE = "by_the_case"
    """Its validator refused it, or the step that it asked for; nothing has changed."""
    ENDED = "ended"
    NOT_STARTED = "not_started"
    """No such workflow (yet)."""
    NOT_NOW = "not_now"
    """The case has tried, and something that it needs does not answer: the same is possible later."""
    BY_THE_MACHINERY = "by_the_machinery"
    """It failed on its way, for no reason of the case's: what has come of it is not known."""


@dataclass(frozen=True)
class Done:
    """It has taken effect: now, or when the same update was sent before."""

    text: str = ""
    """What the case answered; empty if it says nothing beyond what it shows."""
    before: bool = False
    """An earlier run had taken it, so that this one did nothing."""


@dataclass(frozen=True)
class Refused:
    """It has no effect."""

    reason: str
    """In Japanese, with what to do instead."""
    why: Why = Why.BY_THE_CASE
    field: str = ""
    """The field of the message that it is about; "": none."""
    in_forms: str = ""
    """What a form says: the reason without what only the Web UI's dialog needs; empty: the reason."""


@dataclass(frozen=True)
class NotKnown:
    """Temporal or the worker did not answer in time. The same update id, sent again, takes effect once."""

    reason: str = NOT_KNOWN
    accepted: bool = False
    """Whether the case has taken it all the same: it goes on by itself."""


Outcome = Done | Refused | NotKnown
_NOTED = {Done: "done", Refused: "refused", NotKnown: "not known"}
"""What the security log calls them."""


def _kind_of(outcome: Outcome) -> str:
    """Return what metrics call it: an outcome, or why it is refused."""
    return outcome.why.value if isinstance(outcome, Refused) else _NOTED[type(outcome)].replace(" ", "_")


@dataclass(frozen=True)
class SignedOperation:
    """An operation that was signed before it is sent: the same however often, and whoever sends it."""

    place: SignedPlace
    message: Mapping[str, Any]
    """With its salt."""
    entry: bytes


class KnowsOperations(Protocol):
    """Our own records of operations, asked by the id of the workflow that leads the case."""

    async def first_run_id(self, workflow_id: str) -> str | None:
        """Return with which run the case began; None: there is no such case, or it has not begun yet."""

    async def done_by(self, workflow_id: str, update_id: str) -> str | None:
        """Return what an operation has done; None if it has done nothing."""


class OperationSender:
    """Sends operations with one signer's key; what the server or the SDK says in its own words is never passed on.

    With which run the case began says its row, not Temporal: whoever reaches that can start another of the same id.
    """

    def __init__(self, client: Client, signer: SignerNow, records: KnowsOperations) -> None:
        self._client = signing_client(client)
        self._signer = signer
        self._records = records

    async def send(
        self,
        workflow_id: str,
        operation: str,
        content: Mapping[str, Any],
        actor: Actor,
        update_id: str,
        *,
        salt: str | None = None,
        patience: timedelta = PATIENCE,
    ) -> Outcome:
        """Send one update and wait for its effect, ten seconds at most.

        `content` is the message's JSON as it is to lie in history. What is stored before it is sent has its `salt` and
        `update_id` from then on, so that the same is signed however often it is sent.

        Raises:
            ValueError: the signer's key is not for this kind of actor.

        """
        place = SignedPlace(workflow_id, "", operation, update_id)
        about_case(case_of(workflow_id))
        began = time.perf_counter()
        outcome = await self._outcome(place, content, actor, salt, patience)
        count_operation(_kind_of(outcome), time.perf_counter() - began)
        facts = {"case": workflow_id, "operation": operation, "by": str(actor), "channel": actor.channel}
        security_event(SecurityEvent.OPERATION, _NOTED[type(outcome)], update=update_id, **facts)
        return outcome

    async def _outcome(
        self, place: SignedPlace, content: Mapping[str, Any], actor: Actor, salt: str | None, patience: timedelta
    ) -> Outcome:
        if SALT in content:
            return Refused(f"{SALT}：このような項目はありません。この項目を消して、もう一度送ってください。")
        message = salted(content, salt)
        signer = await self._signer()
        taken = asyncio.Event()
        try:
            async with temporal_call(patience):
                return await self._send(signer, actor, place, message, taken)
        except UnreachableError:
            return NotKnown(GOES_ON, accepted=True) if taken.is_set() else NotKnown()
        except ContentError:
            return Refused(UNREADABLE)

    async def sign(self, actor: Actor, place: SignedPlace, content: Mapping[str, Any]) -> SignedOperation:
        """Sign what is to be stored first. Raises `ValueError` if the key is not for this kind of actor."""
        message = salted(content, None)
        return SignedOperation(place, message, (await self._signer()).sign(actor, place, message))

    async def signed_act(
        self, place: SignedPlace, content: Mapping[str, Any], actor: Actor, salt: str
    ) -> SignedAct | None:
        """Sign what a workflow that has ended cannot take any more, for who verifies it instead; None: no such case.

        Raises `ValueError` if the key is not for this kind of actor.
        """
        if (first_run := await self._records.first_run_id(place.case)) is None:
            return None
        place, message = place._replace(first_run=first_run), salted(content, salt)
        entry = (await self._signer()).sign(actor, place, message).decode()
        where = {"workflow_id": place.case, "first_run": first_run, "update_id": place.update_id}
        return SignedAct(by=str(actor), entry=entry, operation=place.operation, message=dict(message), **where)

    async def send_signed(self, signed: SignedOperation, patience: timedelta = PATIENCE) -> Outcome:
        """Send what was signed before, and wait for its effect."""
        case, place = self._client.get_workflow_handle(signed.place.case), signed.place
        try:
            async with temporal_call(patience):
                with sending_with(signed.entry):
                    answer = await case.execute_update(place.operation, signed.message, id=place.update_id)
        except UnreachableError:
            return NotKnown()
        except WorkflowUpdateFailedError as failed:
            return _outcome_of(failed)
        except RPCError as error:
            return _not_there(error)
        return Done(answer if isinstance(answer, str) else "")

    async def result(self, workflow_id: str, update_id: str) -> Outcome | None:
        """Return what came of an update that was sent before; None if the case's present run knows none of this id."""
        update = self._client.get_workflow_handle(workflow_id).get_update_handle(update_id)
        try:
            async with temporal_call(PATIENCE):
                answer = await update.result()
        except WorkflowUpdateFailedError as failed:
            return _outcome_of(failed)
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise
            return None
        except UnreachableError:
            return NotKnown()
        return Done(answer if isinstance(answer, str) else "")

    async def _send(
        self, signer: Signer, actor: Actor, place: SignedPlace, message: Mapping[str, Any], taken: asyncio.Event
    ) -> Outcome:
        if (first_run := await self._records.first_run_id(place.case)) is None:
            return Refused(NOT_STARTED, Why.NOT_STARTED)
        place = place._replace(first_run=first_run)
        case = self._client.get_workflow_handle(place.case)
        try:
            with sending_with(signer.sign(actor, place, message)):
                update = await case.start_update(
                    place.operation, message, id=place.update_id, wait_for_stage=WorkflowUpdateStage.ACCEPTED
                )
            taken.set()
            answer = await update.result()
        except WorkflowUpdateFailedError as failed:
            return await self._unless_done(place, _outcome_of(failed))
        except RPCError as error:
            return await self._unless_done(place, _not_there(error))
        return Done(answer if isinstance(answer, str) else "")

    async def _unless_done(self, place: SignedPlace, outcome: Outcome) -> Outcome:
        """Return what the operation has done before, as our records say; Temporal no longer knows its answer."""
        taken = isinstance(outcome, Done) and outcome.before
        if not taken and not (isinstance(outcome, Refused) and outcome.why is not Why.BY_THE_CASE):
            return outcome
        done = await self._records.done_by(place.case, place.update_id)
        return Done(done, before=True) if done else outcome


@dataclass(frozen=True)
class AskedOperation:
    """What stays the same however often an operation is sent: who acts, the update's id, and the salt."""

    actor: Actor
    update_id: str = field(default_factory=lambda: str(uuid4()))
    salt: str = field(default_factory=new_salt)

    async def send(
        self, operations: OperationSender, workflow_id: str, operation: str, message: ActionMessage
    ) -> Outcome:
        """Send what we say ourselves."""
        content = message.model_dump(mode="json", exclude_none=True)
        return await operations.send(workflow_id, str(operation), content, self.actor, self.update_id, salt=self.salt)

    async def sign(
        self, operations: OperationSender, workflow_id: str, operation: str, message: ActionMessage
    ) -> SignedAct | None:
        """Sign it for a case whose workflow has ended; None: there is no such case."""
        content = message.model_dump(mode="json", exclude_none=True)
        place = SignedPlace(workflow_id, "", str(operation), self.update_id)
        return await operations.signed_act(place, content, self.actor, self.salt)


def _not_there(error: RPCError) -> Refused:
    if not is_unknown_workflow(error):
        raise error
    # The server has no other sign of it than these words.
    ended = "already completed" in error.message
    return Refused(ENDED, Why.ENDED) if ended else Refused(NOT_STARTED, Why.NOT_STARTED)


def _outcome_of(failed: WorkflowUpdateFailedError) -> Outcome:
    cause: BaseException | None = failed.cause
    while isinstance(cause, FailureError) and not isinstance(cause, ApplicationError):
        cause = cause.cause
    if not isinstance(cause, ApplicationError):
        return Refused(UNSAID, Why.BY_THE_MACHINERY)
    if cause.type == ALREADY_TAKEN:
        return Done(before=True)
    if cause.type == _ENDED_MEANWHILE:
        return Refused(ENDED, Why.ENDED)
    if cause.type == TRY_LATER:
        return Refused(cause.message, Why.NOT_NOW)
    if cause.non_retryable and is_for_people(cause.message):  # ours: the SDK's own final errors speak English
        details = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
        field, in_forms = (str(details.get(name, "")) for name in ("field", "in_forms"))
        return Refused(cause.message, field=field, in_forms=in_forms)
    return Refused(NOT_THERE if "Update handler for" in cause.message else UNSAID, Why.BY_THE_MACHINERY)
