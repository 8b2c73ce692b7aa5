"""Verifying a signed operation for a case whose workflow has ended, and can therefore verify nothing itself."""

from typing import NoReturn

from temporalio.exceptions import ApplicationError

from models.common.actors import Actor
from models.common.allowed_actors import Permissions, may_send
from models.common.operations import Operation
from models.common.signatures import SignatureRefusal, SignatureRefusedError, SignedPlace, Verifier
from models.common.signed_acts import SignedAct
from models.common.store.case_status import status_of
from models.common.store.ledger import StepTransaction
from models.common.store.public_keys import public_keys


async def verified_act(
    transaction: StepTransaction, operation: Operation, permissions: Permissions
) -> tuple[Actor, SignedAct]:
    """Return who has sent the operation that the step carries, and the operation as it was signed.

    Where it has to be signed for says the case's own row, never who sends it: anybody who reaches Temporal can start a
    workflow with what they like. Raises a final error, in Japanese, for what the case's workflow would have refused.
    """
    act, session = transaction.act, transaction.session
    row = await status_of(session, transaction.case_no, transaction.part)
    if act is None or row is None or row.first_run_id is None:
        _refuse(SignatureRefusal.UNSIGNED)
    place = SignedPlace(row.workflow_id, row.first_run_id, str(operation), transaction.update_id or "")
    try:
        actor = Verifier(await public_keys(session)).verify(act.entry.encode(), place, act.message).actor
    except SignatureRefusedError as error:
        _refuse(error.refusal)
    if act != act.model_copy(update={**_of(place), "by": str(actor)}):
        _refuse(SignatureRefusal.ALTERED)
    if not may_send(permissions, row.procedure, operation, actor):
        _refuse(SignatureRefusal.NOT_ALLOWED)
    return actor, act


def _of(place: SignedPlace) -> dict[str, str]:
    return {
        "workflow_id": place.case,
        "first_run": place.first_run,
        "operation": place.operation,
        "update_id": place.update_id,
    }


def _refuse(refusal: SignatureRefusal) -> NoReturn:
    raise ApplicationError(refusal.reason, refusal.value, type="SignatureRefused", non_retryable=True)
