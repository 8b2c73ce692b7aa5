"""Unsigned, altered, foreign and repeated operations are refused before they enter history, on a real server."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.common.actors import Actor, ActorKind, Channel
from models.common.allowed_actors import ON_CASES, Permissions
from models.common.commitments import salted
from models.common.operator_message import ActionMessage
from models.common.operators import Role
from models.common.signatures import ALREADY_TAKEN, SignatureRefusal, SignedPlace, Signer, Verifier
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey
from tests.support.ending import end
from tests.support.resets import reset
from tests.support.sandbox import RESTRICTED
from tests.support.signed_story import SignedStory, StoryOperation, UnvalidatedStory
from tests.support.signing import acting_as
from tests.third_procedure.workflow import ManualRequest
from web.common.auth.signing import sending_with, signing_client
from workers.signed_updates import SignedUpdates, UnvalidatedUpdateError, check_validators
from workers.wiring.root import WORKFLOWS
from workflows.common.signed_headers import entry_in

KEYS = {purpose: PrivateKey.new(purpose) for purpose in KeyPurpose}
SIGNERS = {purpose: Signer(key) for purpose, key in KEYS.items()}
PUBLIC = [key.public for key in KEYS.values()]
PERMISSIONS: Permissions = {
    "SignedStory": {
        StoryOperation.TURN_PAGE: ON_CASES.and_also(ActorKind.APPLICANT),
        StoryOperation.BEGIN_ANEW: ON_CASES,
        StoryOperation.END: ON_CASES,
    }
}
TANAKA = Actor(ActorKind.OPERATOR, "tanaka", (Role.CASEWORKER,))
APPLICANT = Actor(ActorKind.APPLICANT, "YS-000001/1", channel=Channel.PAGE)
SAID = {"reason": "お電話"}


@dataclass
class Story:
    """A running workflow, and what its workers know."""

    client: Client
    handle: WorkflowHandle[Any, Any]
    queue: str
    verifier: Verifier

    async def place(self, operation: str = "turn_page", update_id: str | None = None) -> SignedPlace:
        started = (await self.handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        return SignedPlace(self.handle.id, started.first_execution_run_id, operation, update_id or str(uuid4()))

    async def sent(self, place: SignedPlace, message: dict[str, Any], entry: bytes | None) -> Any:
        if entry is None:
            with acting_as(None):
                return await self.handle.execute_update(place.operation, message, id=place.update_id)
        with sending_with(entry):
            return await self.handle.execute_update(place.operation, message, id=place.update_id)

    async def act(self, operation: str = "turn_page", actor: Actor = TANAKA, update_id: str | None = None) -> Any:
        place, message = await self.place(operation, update_id), salted(SAID)
        return await self.sent(place, message, entry_of(actor, place, message))

    async def refusal(self, place: SignedPlace, message: dict[str, Any], entry: bytes | None) -> SignatureRefusal:
        """Return why it is refused; nothing of it is in the history."""
        before = await self.pages()
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await self.sent(place, message, entry)
        cause = failed.value.cause
        assert isinstance(cause, ApplicationError)
        refusal = next(each for each in SignatureRefusal if each == cause.details[0])
        assert cause.message == refusal.reason
        assert cause.type == (ALREADY_TAKEN if refusal is SignatureRefusal.ALREADY_TAKEN else "Refused")
        assert await self.pages() == before
        return refusal

    async def pages(self) -> list[str]:
        pages: list[str] = await self.handle.query(SignedStory.pages)
        return pages

    def revoke(self, purpose: KeyPurpose) -> None:
        self.know([replace(key, state=KeyState.REVOKED) if key.purpose is purpose else key for key in PUBLIC])

    def know(self, keys: list[Any]) -> None:
        self.verifier = Verifier(keys)


def entry_of(actor: Actor, place: SignedPlace, message: dict[str, Any]) -> bytes:
    purpose = next(purpose for purpose in KeyPurpose if actor.kind in purpose.kinds)
    return SIGNERS[purpose].sign(actor, place, message)


@pytest_asyncio.fixture(params=[1000, pytest.param(0, marks=pytest.mark.long)], ids=["cached", "uncached"])
async def story(temporal: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    queue = f"test-{uuid4()}"
    client = signing_client(temporal.client)
    known: list[Story] = []
    async with Worker(
        client,
        task_queue=queue,
        workflows=[SignedStory],
        workflow_runner=RESTRICTED,
        max_cached_workflows=request.param,
        interceptors=[SignedUpdates(lambda: known[0].verifier, PERMISSIONS)],
    ):
        handle = await client.start_workflow(SignedStory.run, [], id=queue, task_queue=queue)
        known.append(Story(client, client.get_workflow_handle(queue), queue, Verifier(PUBLIC)))
        del handle
        yield known[0]
        await end(known[0].handle)


async def test_a_signed_operation_is_taken_and_its_handler_knows_who_acts(story: Story) -> None:
    assert await story.act() == "operator tanaka：お電話"
    assert await story.act(actor=APPLICANT) == "applicant YS-000001/1：お電話"
    assert len(await story.pages()) == 2


async def test_an_unsigned_operation_is_refused(story: Story) -> None:
    assert await story.refusal(await story.place(), salted(SAID), None) is SignatureRefusal.UNSIGNED
    assert await story.refusal(await story.place(), SAID, b"signed") is SignatureRefusal.UNREADABLE
    with pytest.raises(WorkflowUpdateFailedError):
        await story.handle.execute_update("turn_page", args=[])
    assert await story.pages() == []


@pytest.mark.parametrize("field", SignedPlace._fields)
async def test_an_entry_of_another_place_is_refused(story: Story, field: str) -> None:
    place, message = await story.place(), salted(SAID)
    elsewhere = place._replace(**{field: "begin_anew" if field == "operation" else str(uuid4())})
    assert await story.refusal(place, message, entry_of(TANAKA, elsewhere, message)) is SignatureRefusal.ALTERED


ALTERED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a field changed": lambda message: message | {"reason": "別の理由"},
    "a field more": lambda message: message | {"event_id": "x"},
    "a number for a text": lambda message: message | {"reason": 5},
    "another salt": salted,
    "no salt": lambda _message: SAID,
}


@pytest.mark.parametrize("change", ALTERED)
async def test_an_entry_of_another_content_is_refused(story: Story, change: str) -> None:
    place, message = await story.place(), salted(SAID)
    entry = entry_of(TANAKA, place, message)
    assert await story.refusal(place, ALTERED[change](message), entry) is SignatureRefusal.OTHER_CONTENT


@pytest.mark.parametrize("field", ["kind", "handle", "roles", "channel"])
async def test_an_altered_entry_is_refused(story: Story, field: str) -> None:
    place, message = await story.place(), salted(SAID)
    other = {"kind": "command", "handle": "suzuki", "roles": ["supervisor"], "channel": "web_ui"}
    entry = json.loads(entry_of(TANAKA, place, message)) | {field: other[field]}
    altered = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    assert await story.refusal(place, message, altered) is SignatureRefusal.ALTERED


@pytest.mark.parametrize("kind", ActorKind)
async def test_a_key_of_the_other_purpose_is_refused_for_every_kind_of_actor(story: Story, kind: ActorKind) -> None:
    """On an operation that operators and applicants both may send."""
    place, message = await story.place(), salted(SAID)
    [purpose] = [purpose for purpose in KeyPurpose if kind in purpose.kinds]
    [other] = {KeyPurpose.OPERATORS, KeyPurpose.CUSTOMERS} - {purpose}
    # Signed with a program of their own by who has the other key.
    forger = Signer(PrivateKey.read(KEYS[other].text().replace(other, purpose, 1)))
    entry = json.loads(forger.sign(Actor(kind, "someone", (Role.SUPERVISOR,)), place, message))
    entry["key"] = SIGNERS[other].key_id
    forged = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    assert await story.refusal(place, message, forged) is SignatureRefusal.WRONG_PURPOSE


async def test_a_foreign_key_is_refused_and_a_retired_one_is_not(story: Story) -> None:
    place, message = await story.place(), salted(SAID)
    foreign = Signer(PrivateKey.new(KeyPurpose.OPERATORS)).sign(TANAKA, place, message)
    assert await story.refusal(place, message, foreign) is SignatureRefusal.UNKNOWN_KEY
    story.revoke(KeyPurpose.OPERATORS)
    assert await story.refusal(place, message, entry_of(TANAKA, place, message)) is SignatureRefusal.REVOKED_KEY
    story.know([replace(key, state=KeyState.RETIRED) for key in PUBLIC])
    assert await story.sent(place, message, entry_of(TANAKA, place, message))


async def test_who_may_not_is_refused(story: Story) -> None:
    for operation, actor in (
        ("turn_page", replace(TANAKA, roles=(Role.AUDITOR, Role.ADMINISTRATOR))),
        ("turn_page", replace(TANAKA, roles=())),
        ("turn_page", Actor(ActorKind.SYSTEM, "registry")),
        ("begin_anew", APPLICANT),
    ):
        place, message = await story.place(operation), salted(SAID)
        assert await story.refusal(place, message, entry_of(actor, place, message)) is SignatureRefusal.NOT_ALLOWED


async def test_sent_again_it_takes_effect_once_also_in_a_later_run(story: Story) -> None:
    place, message = await story.place(), salted(SAID)
    entry = entry_of(TANAKA, place, message)
    for _ in range(2):
        assert await story.sent(place, message, entry) == "operator tanaka：お電話"
    assert len(await story.pages()) == 1
    for expected in (1, 2):
        await story.act("begin_anew")
        run = (await story.handle.describe()).run_id
        assert await story.refusal(place, message, entry) is SignatureRefusal.ALREADY_TAKEN
        assert run == (await story.handle.describe()).run_id
        assert await story.act() == "operator tanaka：お電話"
        assert len(await story.pages()) == 1 + expected


async def test_an_operation_is_in_the_history_before_the_end_that_it_brings(story: Story) -> None:
    """A signal in the moment of the end has the server take that back, with all that its own task has accepted."""
    await story.act("end")
    await story.handle.result()
    events = (await story.handle.fetch_history()).events
    accepted = [event.HasField("workflow_execution_update_accepted_event_attributes") for event in events].index(True)
    assert any(event.HasField("workflow_task_completed_event_attributes") for event in events[accepted:])


async def test_a_later_workflow_of_the_same_id_takes_none_of_its_entries(story: Story) -> None:
    place, message = await story.place(), salted(SAID)
    entry = entry_of(TANAKA, place, message)
    await story.act("end")
    await story.handle.result()
    await story.client.start_workflow(SignedStory.run, [], id=story.queue, task_queue=story.queue)
    assert await story.refusal(place, message, entry) is SignatureRefusal.ALTERED
    assert await story.act()


async def test_after_a_reset_what_was_signed_is_taken_again_and_once(story: Story) -> None:
    place, message = await story.place(), salted(SAID)
    entry = entry_of(TANAKA, place, message)
    await story.sent(place, message, entry)
    await reset(story.client, story.handle)
    assert await story.pages() == ["operator tanaka：お電話"]
    assert (await story.place()).first_run == place.first_run
    assert await story.sent(place, message, entry) == "operator tanaka：お電話"
    assert await story.act(actor=APPLICANT)
    assert len(await story.pages()) == 2


async def test_after_a_reset_what_a_revoked_key_has_signed_is_taken_no_more(story: Story) -> None:
    await story.act()
    await story.act(actor=APPLICANT)
    story.revoke(KeyPurpose.OPERATORS)
    await reset(story.client, story.handle)
    assert await story.pages() == ["applicant YS-000001/1：お電話"]


async def test_it_verifies_from_the_history_alone(story: Story) -> None:
    await story.act()
    events = (await story.handle.fetch_history()).events
    first_run = events[0].workflow_execution_started_event_attributes.first_execution_run_id
    [accepted] = [
        event.workflow_execution_update_accepted_event_attributes.accepted_request
        for event in events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    place = SignedPlace(story.handle.id, first_run, accepted.input.name, accepted.meta.update_id)
    [payload] = accepted.input.args.payloads
    verified = Verifier(PUBLIC).verify(entry_in(accepted.input.header.fields), place, json.loads(payload.data))
    assert verified.actor == TANAKA
    assert "お電話" not in str(MessageToDict(accepted.input.header))


# --- before a worker starts -------------------------------------------------------------------------------------------


def test_a_workflow_with_an_update_that_nobody_checks_is_refused() -> None:
    with pytest.raises(UnvalidatedUpdateError, match=r"without a validator.*open_to_everybody"):
        check_validators([SignedStory, UnvalidatedStory])


def test_every_update_of_every_procedure_has_a_validator() -> None:
    check_validators([*WORKFLOWS, SignedStory, ManualRequest])


def test_a_message_keeps_how_it_was_sent_and_two_that_say_the_same_are_equal() -> None:
    sent = {"reason": "お電話", "salt": "s"}
    message = ActionMessage.model_validate_json(json.dumps(sent))
    assert message.as_sent == sent
    assert message == ActionMessage(reason="お電話", salt="s")
    assert "salt" not in message.model_dump()
    assert ActionMessage.model_validate(message).as_sent == sent
    misread = ActionMessage.model_validate({"by": 5})
    assert misread.misread
    assert misread.as_sent == {"by": 5}
