"""Where a signed operation is checked: before it enters history, in the validator of every update of every workflow.

The SDK asks an interceptor only for updates that have a validator of their own, so a workflow with one without is
refused before its worker starts. Validators do not run on replay: what was accepted once stays accepted. They run again
for what a Reset carries over, which is why nothing here depends on a clock.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ContinueAsNewInput,
    ExecuteWorkflowInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from models.common.acting import acting_as
from models.common.allowed_actors import Permissions, may_send
from models.common.operator_message import ActionMessage
from models.common.signatures import (
    ALREADY_TAKEN,
    TAKEN_HEADER,
    SignatureRefusal,
    SignatureRefusedError,
    SignedEntry,
    SignedPlace,
    Verifier,
    taken_in,
)
from models.common.signed_acts import SignedAct
from workers.program import ClearError
from workflows.common.signed_headers import entry_in

_REFUSED = "Refused"
_A_TASK = timedelta(milliseconds=1)
"""As long as it takes until the workflow's next task."""


class UnvalidatedUpdateError(ClearError):
    """A workflow has an update that nobody would check."""


def check_validators(workflows: Iterable[type]) -> None:
    """Raise `UnvalidatedUpdateError` for an update without a validator: its signature would never be asked for."""
    for each in workflows:
        definition = workflow._Definition.must_from_class(each)  # noqa: SLF001 the SDK offers no other way
        without = sorted(str(name or "(dynamic)") for name, of in definition.updates.items() if of.validator is None)
        if without:
            raise UnvalidatedUpdateError(
                f"{each.__name__} has updates without a validator, which would be accepted unsigned: "
                f"{', '.join(without)}. Declare them with `operator_action`."
            )


class SignedUpdates(Interceptor):
    """Refuses every update that is not signed by somebody who may send it."""

    def __init__(self, verifier: Callable[[], Verifier], permissions: Permissions) -> None:
        """`verifier` returns what is known now, from memory."""
        self._verifier = verifier
        self._permissions = permissions

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        class Checked(_CheckedUpdates):
            verifier = staticmethod(self._verifier)
            permissions = self._permissions

        return Checked


class _CheckedUpdates(WorkflowInboundInterceptor):
    verifier: Callable[[], Verifier]
    permissions: Permissions

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        self._accepted: list[str] = []
        super().init(_CarryTaken(outbound, self.taken))

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002 the SDK's name
        info = workflow.info()
        place = SignedPlace(info.workflow_id, info.first_execution_run_id, input.update, input.id)
        try:
            # Where the SDK's sandbox is on, `cryptography` would be imported anew as it says no, and abort the process.
            with workflow.unsafe.imports_passed_through():
                actor = self.verifier().verify(entry_in(input.headers), place, _as_sent(input.args)).actor
        except SignatureRefusedError as error:
            _refuse(error.refusal)
        if not may_send(self.permissions, info.workflow_type, input.update, actor):
            _refuse(SignatureRefusal.NOT_ALLOWED)
        if input.id in self.taken():
            _refuse(SignatureRefusal.ALREADY_TAKEN)
        with acting_as(actor):
            super().handle_update_validator(input)

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 the SDK's name
        result = await super().execute_workflow(input)
        waited_for = 0
        while len(self._accepted) > waited_for:
            waited_for = len(self._accepted)
            # A workflow's end is taken back by the server if a signal comes in that moment, and with it the task's
            # updates, whose effects are there. With this, they are in the history before.
            await workflow.sleep(_A_TASK, summary="受け付けた操作が履歴に入るのを待つ")
            await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002 the SDK's name
        self._accepted.append(input.id)
        with _acting_in(input):
            return await super().handle_update_handler(input)

    def taken(self) -> list[str]:
        """Return the ids of the updates that this run and those before it have accepted."""
        # Not kept when the run begins: an update of its first task comes before its `run`.
        carried = workflow.info().headers.get(TAKEN_HEADER)
        return [*(taken_in(carried.data) if carried else ()), *self._accepted]


class _CarryTaken(WorkflowOutboundInterceptor):
    def __init__(self, next: WorkflowOutboundInterceptor, taken: Callable[[], Sequence[str]]) -> None:  # noqa: A002
        super().__init__(next)
        self._taken = taken

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002 the SDK's name
        if taken := self._taken():
            ids = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(taken).encode())
            input.headers = {**input.headers, TAKEN_HEADER: ids}
        super().continue_as_new(input)


def _as_sent(arguments: Sequence[Any]) -> Any:
    """Return the one message of an update as decoded JSON."""
    if len(arguments) != 1:
        return None
    return arguments[0].as_sent if isinstance(arguments[0], ActionMessage) else arguments[0]


def _acting_in(input: HandleUpdateInput) -> AbstractContextManager[None]:  # noqa: A002 the SDK's name
    # What was accepted has been verified, perhaps by another build, long ago.
    entry = entry_in(input.headers)
    signed = SignedEntry.accepted(entry) if entry is not None else None
    if entry is None or signed is None:
        return acting_as(None)
    info, message = workflow.info(), _as_sent(input.args)
    act = SignedAct(
        by=str(signed.actor),
        entry=entry.decode("utf-8", "replace"),
        workflow_id=info.workflow_id,
        first_run=info.first_execution_run_id,
        operation=input.update,
        update_id=input.id,
        message=dict(message) if isinstance(message, Mapping) else {},
    )
    return acting_as(signed.actor, signed.commitment, act)


def _refuse(refusal: SignatureRefusal) -> NoReturn:
    kind = ALREADY_TAKEN if refusal is SignatureRefusal.ALREADY_TAKEN else _REFUSED
    raise ApplicationError(refusal.reason, refusal.value, type=kind, non_retryable=True)


REPLAYED = SignedUpdates(lambda: Verifier(()), {})
"""For replays: nothing is verified again, and handlers know who acted."""
