"""Every operation of every procedure, straight at Temporal's port: what is not signed by who may is refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.actors import Actor, ActorKind, Channel
from models.common.calendar import day_in_japan
from models.common.commitments import canonical, salted
from models.common.operators import Role
from models.common.signatures import TAKEN_HEADER, SignatureRefusal, SignedPlace, Signer, Verifier
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey
from tests.support.ending import end
from tests.support.recorded_histories import start_inputs
from tests.support.resets import reset
from tests.support.sandbox import RESTRICTED
from tests.support.secret_key import SECRET_KEY
from tests.support.signed_story import UnvalidatedStory
from tests.support.signing import KEYS, PUBLIC, acting_as, signed
from tests.support.web import until
from tests.third_procedure.messages import ManualCase
from tests.third_procedure.operations import PERMISSIONS
from tests.third_procedure.workflow import ManualRequest
from web.common.auth.signing import sending_with, signing_client
from workers.known_keys import NoKeysError
from workers.settings import Settings
from workers.signed_updates import SignedUpdates, UnvalidatedUpdateError
from workers.wiring.root import WORKFLOWS, build_activities, build_worker

SUPERVISOR = Actor(ActorKind.OPERATOR, "tn", (Role.CASEWORKER, Role.SUPERVISOR))
AUDITOR = Actor(ActorKind.OPERATOR, "ka", (Role.AUDITOR, Role.ADMINISTRATOR))
SAID = {"reason": "お電話"}
ALL_PERMISSIONS = {**OPERATION_PERMISSIONS, **PERMISSIONS}
"""With the third procedure's, as the documents add it."""
EVERY = [(name, str(operation)) for name, operations in ALL_PERMISSIONS.items() for operation in operations]
SOME = {
    *(("OfficeDataProcedure", "approve"), ("UserInvitation", "withdraw"), ("WebhookDelivery", "resend")),
    ("ManualRequest", "sent"),
}

MANUAL = ManualCase(case_no="PM-000001", requested_at=datetime.now(UTC), expires_on=day_in_japan(datetime.now(UTC)))


@dataclass
class Sent:
    """What somebody sends who has reached the port."""

    place: SignedPlace
    message: dict[str, Any]
    entry: bytes | None


def of(actor: Actor, place: SignedPlace) -> Sent:
    message = salted(SAID)
    return Sent(place, message, signed(actor, place, message))


def with_field(field: str, value: Any) -> Callable[[SignedPlace], Sent]:
    def alter(place: SignedPlace) -> Sent:
        sent = of(SUPERVISOR, place)
        return replace(sent, entry=canonical(json.loads(sent.entry or b"") | {field: value}))

    return alter


def moved(**elsewhere: str) -> Callable[[SignedPlace], Sent]:
    """Return an entry that was signed for another place."""

    def move(place: SignedPlace) -> Sent:
        return replace(of(SUPERVISOR, place._replace(**elsewhere)), place=place)

    return move


def purpose_of(kind: ActorKind) -> KeyPurpose:
    [purpose] = [purpose for purpose in KeyPurpose if kind in purpose.kinds]
    return purpose


def by_another_key(kind: ActorKind, other: KeyPurpose) -> Callable[[SignedPlace], Sent]:
    """Return an entry of this kind of actor that is signed with the key of another purpose."""

    def forge(place: SignedPlace) -> Sent:
        message, purpose = salted(SAID), purpose_of(kind)
        forger = Signer(PrivateKey.read(KEYS[other].text().replace(other, purpose, 1)))
        entry = json.loads(forger.sign(Actor(kind, "someone", (Role.SUPERVISOR,)), place, message))
        return Sent(place, message, canonical(entry | {"key": KEYS[other].public.key_id}))

    return forge


def by_nobody(place: SignedPlace) -> Sent:
    message = salted(SAID)
    return Sent(place, message, Signer(PrivateKey.new(KeyPurpose.OPERATORS)).sign(SUPERVISOR, place, message))


UNREADABLE = "by：この項目は受け付けていません。"
"""What the procedure itself says of it, which is asked only once the signature has been found good."""


def unreadable(place: SignedPlace) -> Sent:
    message = salted({"by": "operator:tn"})
    return Sent(place, message, signed(SUPERVISOR, place, message))


def with_other_content(**changed: Any) -> Callable[[SignedPlace], Sent]:
    def alter(place: SignedPlace) -> Sent:
        sent = of(SUPERVISOR, place)
        return replace(sent, message=sent.message | changed)

    return alter


FORGED: Mapping[str, tuple[Callable[[SignedPlace], Sent], SignatureRefusal]] = {
    "unsigned": (lambda place: Sent(place, salted(SAID), None), SignatureRefusal.UNSIGNED),
    "unreadable": (lambda place: Sent(place, salted(SAID), b"signed"), SignatureRefusal.UNREADABLE),
    "a foreign key": (by_nobody, SignatureRefusal.UNKNOWN_KEY),
    **{
        f"the key for {other}, {kind}": (by_another_key(kind, other), SignatureRefusal.WRONG_PURPOSE)
        for kind in ActorKind
        for other in KeyPurpose
        if other is not purpose_of(kind)
    },
    "another kind": (with_field("kind", "command"), SignatureRefusal.ALTERED),
    "another handle": (with_field("handle", "sk"), SignatureRefusal.ALTERED),
    "other roles": (with_field("roles", ["auditor"]), SignatureRefusal.ALTERED),
    "another channel": (with_field("channel", "api"), SignatureRefusal.ALTERED),
    "another commitment": (with_field("commitment", "A" * 43), SignatureRefusal.ALTERED),
    "another case": (moved(case="application/YS-999999/office/2"), SignatureRefusal.ALTERED),
    "a later workflow": (moved(first_run="00000000-0000-4000-8000-000000000001"), SignatureRefusal.ALTERED),
    "another operation": (moved(operation="another"), SignatureRefusal.ALTERED),
    "another update": (moved(update_id="another"), SignatureRefusal.ALTERED),
    "another reason": (with_other_content(reason="別の理由"), SignatureRefusal.OTHER_CONTENT),
    "a field more": (with_other_content(by="operator:tn"), SignatureRefusal.OTHER_CONTENT),
    "no salt": (with_other_content(salt=None), SignatureRefusal.OTHER_CONTENT),
    "no role for it": (lambda place: of(AUDITOR, place), SignatureRefusal.NOT_ALLOWED),
    "a holder": (
        lambda place: of(Actor(ActorKind.HOLDER, "YS-000001", channel=Channel.PAGE), place),
        SignatureRefusal.NOT_ALLOWED,
    ),
}


@dataclass
class Port:
    """Temporal's port, with one case of each procedure behind it."""

    client: Client
    handles: Mapping[str, WorkflowHandle[Any, Any]]
    verifier: Verifier = field(default_factory=lambda: Verifier(PUBLIC))
    was_reset: set[str] = field(default_factory=set)

    @contextmanager
    def knowing(self, state: KeyState) -> Iterator[None]:
        """Let all keys be in this state for a while."""
        self.verifier = Verifier(key.now(state) for key in PUBLIC)
        yield
        self.verifier = Verifier(PUBLIC)

    async def reset(self, name: str) -> None:
        """Go back to the beginning of a case, once: the tests share them."""
        if name in self.was_reset:
            return
        self.was_reset.add(name)

        async def has_begun() -> bool:
            events = (await self.handles[name].fetch_history()).events
            return any(event.HasField("workflow_task_completed_event_attributes") for event in events)

        await until(has_begun)
        await reset(self.client, self.handles[name])

    async def place(self, name: str, operation: str) -> SignedPlace:
        described = await self.handles[name].describe()
        first_run = described.raw_description.workflow_execution_info.first_run_id
        return SignedPlace(described.id, first_run, operation, str(uuid4()))

    async def refusal(self, sent: Sent) -> str:
        """Return why it is refused; nothing of it is in the history."""
        handle = self.client.get_workflow_handle(sent.place.case)
        entry = nullcontext() if sent.entry is None else sending_with(sent.entry)
        with pytest.raises(WorkflowUpdateFailedError) as failed, acting_as(None), entry:
            await handle.execute_update(sent.place.operation, sent.message, id=sent.place.update_id)
        assert isinstance(failed.value.cause, ApplicationError)
        assert sent.place.update_id not in (await handle.fetch_history()).to_json()
        return str(failed.value.cause.message)


TAKEN = "11111111-0000-4000-8000-000000000001"
"""The id of an update that a run before has accepted, of whichever operation."""


class _BegunAnew(Interceptor):
    """Has workflows begin as runs do that go on as new: with the ids of what earlier ones have accepted."""

    def intercept_client(self, following: OutboundInterceptor) -> OutboundInterceptor:
        return _WithTaken(following)


class _WithTaken(OutboundInterceptor):
    async def start_workflow(self, start: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        ids = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps([TAKEN]).encode())
        start.headers = {**start.headers, TAKEN_HEADER: ids}
        return await super().start_workflow(start)


def as_begun_anew(client: Client) -> Client:
    config = client.config()
    config["interceptors"] = [*config["interceptors"], _BegunAnew()]
    return Client(**config)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port(temporal: WorkflowEnvironment) -> AsyncIterator[Port]:
    """No step of theirs is ever taken, since they have no database: what is refused is refused before."""
    queue, client, inputs = f"test-{uuid4()}", as_begun_anew(signing_client(temporal.client)), start_inputs()
    port = Port(client, handles := {})
    nowhere = build_activities(Settings(secret_key=SECRET_KEY), async_sessionmaker(), client)
    async with Worker(
        client,
        task_queue=queue,
        workflows=[*WORKFLOWS, ManualRequest],
        activities=nowhere,
        workflow_runner=RESTRICTED,
        interceptors=[SignedUpdates(lambda: port.verifier, ALL_PERMISSIONS)],
    ):
        for name in ALL_PERMISSIONS:
            case = inputs.get(name, MANUAL)
            handles[name] = await client.start_workflow(name, case, id=f"{queue}/{name}", task_queue=queue)
        yield port
        await asyncio.gather(*(end(handle) for handle in handles.values()))


@pytest.mark.parametrize(
    ("name", "operation"),
    [pytest.param(*each, marks=[] if each in SOME else pytest.mark.long) for each in EVERY],
)
async def test_whatever_is_not_signed_by_who_may_send_it_is_refused(port: Port, name: str, operation: str) -> None:
    for what, (forge, refusal) in FORGED.items():
        place = await port.place(name, operation)
        assert await port.refusal(forge(place)) == refusal.reason, what


@pytest.mark.parametrize(
    ("name", "operation"),
    [pytest.param(*each, marks=[] if each in SOME else pytest.mark.long) for each in EVERY],
)
async def test_a_retired_key_verifies_and_a_revoked_one_does_not(port: Port, name: str, operation: str) -> None:
    for state in KeyState:
        with port.knowing(state):
            refusal = await port.refusal(unreadable(await port.place(name, operation)))
        if state is KeyState.REVOKED:
            assert refusal == SignatureRefusal.REVOKED_KEY.reason
        else:  # it comes as far as the procedure itself
            assert UNREADABLE in refusal


@pytest.mark.parametrize(
    ("name", "operation"),
    [pytest.param(*each, marks=[] if each in SOME else pytest.mark.long) for each in EVERY],
)
async def test_what_an_earlier_run_has_taken_is_taken_no_more(port: Port, name: str, operation: str) -> None:
    """Signed by who may send it: after continue-as-new the server itself has forgotten the update."""
    place = (await port.place(name, operation))._replace(update_id=TAKEN)
    assert await port.refusal(of(SUPERVISOR, place)) == SignatureRefusal.ALREADY_TAKEN.reason


@pytest.mark.parametrize(
    ("name", "operation"),
    [pytest.param(*each, marks=[] if each in SOME else pytest.mark.long) for each in EVERY],
)
async def test_what_was_signed_before_a_reset_verifies_after_it_and_nothing_else_does(
    port: Port, name: str, operation: str
) -> None:
    before = [await port.place(name, operation) for _ in range(4)]
    signed_before, other = unreadable(before[0]), of(SUPERVISOR, before[1])
    await port.reset(name)
    assert UNREADABLE in await port.refusal(signed_before)
    for sent, refusal in (
        (replace(other, place=before[2]), SignatureRefusal.ALTERED),  # signed for another update
        (of(AUDITOR, before[3]), SignatureRefusal.NOT_ALLOWED),
        (replace(other, entry=None), SignatureRefusal.UNSIGNED),
        (of(SUPERVISOR, before[2]._replace(update_id=TAKEN)), SignatureRefusal.ALREADY_TAKEN),
    ):
        assert await port.refusal(sent) == refusal.reason


# --- before a worker starts -------------------------------------------------------------------------------------------


async def test_a_worker_without_public_keys_does_not_start(
    temporal: WorkflowEnvironment, sessions: async_sessionmaker[AsyncSession]
) -> None:
    settings = Settings(temporal_task_queue=f"test-{uuid4()}", secret_key=SECRET_KEY)
    workers = build_worker(temporal.client, settings, sessions, versioned=False)
    with pytest.raises(NoKeysError, match="tetsuzuki keys new"):
        async with workers:
            pass


async def test_a_worker_with_an_update_that_nobody_checks_is_not_built(
    temporal: WorkflowEnvironment, sessions: async_sessionmaker[AsyncSession]
) -> None:
    with pytest.raises(UnvalidatedUpdateError, match="open_to_everybody"):
        build_worker(temporal.client, Settings(), sessions, workflows=[*WORKFLOWS, UnvalidatedStory])
