"""An error of Temporal is final only if it is about the very workflow that was asked for."""

import pytest
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.common.workflow_status import WorkflowStatus, status_of
from models.common.actors import Actor, ActorKind
from models.common.operators import Role
from models.common.signatures import Signer
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.temporal_answers import is_about_the_request, is_unknown_workflow
from web.common.operation_sender import NotKnown, OperationSender
from web.common.temporal_calls import UnreachableError, temporal_call

FINAL = pytest.mark.robustness("final only when sure")
_ABOUT_IT = {
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.ALREADY_EXISTS,
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.OUT_OF_RANGE,
}
TANAKA = Actor(ActorKind.OPERATOR, "tanaka", (Role.CASEWORKER,))


def error(status: RPCStatusCode, detail: NamespaceNotFoundFailure | NotFoundFailure | None = None) -> RPCError:
    said = GrpcStatus(code=status.value)
    if detail is not None:
        said.details.add().Pack(detail)
    return RPCError("said in English", status, said.SerializeToString())


@FINAL
@pytest.mark.parametrize("status", RPCStatusCode)
async def test_whatever_is_not_about_the_request_is_tried_again(status: RPCStatusCode) -> None:
    assert is_about_the_request(error(status)) == (status in _ABOUT_IT)
    with pytest.raises(RPCError if status in _ABOUT_IT else UnreachableError):
        async with temporal_call():
            raise error(status)


@FINAL
async def test_a_namespace_that_is_not_there_says_nothing_of_a_workflow() -> None:
    assert is_unknown_workflow(error(RPCStatusCode.NOT_FOUND, NotFoundFailure()))
    assert is_unknown_workflow(error(RPCStatusCode.NOT_FOUND))
    gone = error(RPCStatusCode.NOT_FOUND, NamespaceNotFoundFailure(namespace="nobody"))
    assert not is_unknown_workflow(gone)
    with pytest.raises(UnreachableError):
        async with temporal_call():
            raise gone


class Begun:
    """Records by which every case has begun."""

    async def first_run_id(self, workflow_id: str) -> str:  # noqa: ARG002
        return "its first run"

    async def done_by(self, workflow_id: str, update_id: str) -> None:
        """Nothing has been done."""


@FINAL
async def test_a_server_with_another_namespace_ends_no_case(temporal: WorkflowEnvironment) -> None:
    async def signer() -> Signer:
        return Signer(PrivateKey.new(KeyPurpose.OPERATORS))

    assert await status_of(temporal.client, "no such workflow") is WorkflowStatus.UNKNOWN
    elsewhere = Client(temporal.client.service_client, namespace="nobody-knows")
    with pytest.raises(RPCError, match="nobody-knows"):
        await status_of(elsewhere, "no such workflow")
    sent = await OperationSender(elsewhere, signer, Begun()).send("any", "note", {"reason": "お電話"}, TANAKA, "1")
    assert isinstance(sent, NotKnown)
