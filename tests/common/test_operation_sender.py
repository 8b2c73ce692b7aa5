"""What a sender of signed operations hears, on a real server: done, refused in Japanese, or not known yet."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.common.actors import Actor, ActorKind
from models.common.allowed_actors import ON_CASES, Permissions
from models.common.operators import Role
from models.common.signatures import SignatureRefusal, Signer, Verifier
from models.common.signing_keys import KeyPurpose, PrivateKey
from tests.support.ending import end
from tests.support.sandbox import RESTRICTED
from tests.support.signed_story import SignedStory, StoryOperation
from web.common.operation_sender import (
    ENDED,
    NOT_STARTED,
    NOT_THERE,
    UNREADABLE,
    Done,
    NotKnown,
    OperationSender,
    Refused,
    Why,
)
from workers.signed_updates import SignedUpdates

KEY = PrivateKey.new(KeyPurpose.OPERATORS)
TANAKA = Actor(ActorKind.OPERATOR, "tanaka", (Role.CASEWORKER,))
AUDITOR = Actor(ActorKind.OPERATOR, "kansa", (Role.AUDITOR,))
PERMISSIONS: Permissions = {"SignedStory": dict.fromkeys(StoryOperation, ON_CASES)}
SAID = {"reason": "お電話"}


async def _signer() -> Signer:
    return Signer(KEY)


class Records:
    """Records of one case: with which run it began, and what its operations have done."""

    def __init__(self, handle: WorkflowHandle[Any, list[str]]) -> None:
        self.first_run: str | None = handle.first_execution_run_id
        self.handle = handle
        self.done: dict[str, str] = {}

    async def first_run_id(self, workflow_id: str) -> str | None:
        return self.first_run if workflow_id == self.handle.id else None

    async def done_by(self, workflow_id: str, update_id: str) -> str | None:
        return self.done.get(update_id) if workflow_id == self.handle.id else None


class Story:
    """A running workflow with somebody who sends to it."""

    def __init__(self, client: Client, handle: WorkflowHandle[Any, list[str]]) -> None:
        self.id = handle.id
        self.handle: WorkflowHandle[Any, list[str]] = client.get_workflow_handle(handle.id, result_type=list[str])
        self.records = Records(handle)
        self.sender = OperationSender(client, _signer, self.records)

    async def begun_anew(self) -> None:
        """Wait until a later run has begun."""
        while True:
            found = (await self.handle.describe()).raw_description.workflow_execution_info
            if found.execution.run_id != found.first_run_id:
                return
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def story(temporal: WorkflowEnvironment) -> AsyncIterator[Story]:
    queue = f"test-{uuid4()}"
    async with Worker(
        temporal.client,
        task_queue=queue,
        workflows=[SignedStory],
        workflow_runner=RESTRICTED,
        interceptors=[SignedUpdates(lambda: Verifier([KEY.public]), PERMISSIONS)],
    ):
        handle = await temporal.client.start_workflow(SignedStory.run, [], id=queue, task_queue=queue)
        story = Story(temporal.client, handle)
        yield story
        await end(story.handle)


async def test_an_operation_is_sent_once_and_again_with_the_same_id_it_is_done(story: Story) -> None:
    update = str(uuid4())
    for _ in range(2):
        sent = await story.sender.send(story.id, "turn_page", SAID, TANAKA, update)
        assert sent == Done("operator tanaka：お電話")
    assert await story.sender.send(story.id, "begin_anew", SAID, TANAKA, str(uuid4())) == Done()
    await story.begun_anew()
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, str(uuid4())) == Done("operator tanaka：お電話")
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, update) == Done(before=True)
    story.records.done[update] = "ページをめくった"
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, update) == Done("ページをめくった", before=True)
    assert len(await story.handle.query(SignedStory.pages)) == 2


async def test_who_ended_a_case_and_asks_again_hears_that_it_is_done(story: Story) -> None:
    update = str(uuid4())
    assert await story.sender.send(story.id, "end", SAID, TANAKA, update) == Done()
    await story.handle.result()
    assert await story.sender.send(story.id, "end", SAID, TANAKA, update) == Done()
    assert await story.sender.send(story.id, "end", SAID, TANAKA, str(uuid4())) == Refused(ENDED, Why.ENDED)


async def test_what_our_records_have_is_done_though_the_case_has_ended_or_was_begun_anew(story: Story) -> None:
    """Temporal forgets the answers of a run that it has deleted, or that somebody has begun anew."""
    update = str(uuid4())
    await story.sender.send(story.id, "end", SAID, TANAKA, str(uuid4()))
    await story.handle.result()
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, update) == Refused(ENDED, Why.ENDED)
    story.records.done[update] = "ページをめくった"
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, update) == Done("ページをめくった", before=True)


async def test_operations_are_signed_for_the_run_that_our_records_name(story: Story) -> None:
    """Whoever reaches Temporal can end a case and start another of the same id: for that one nothing is signed."""
    first_run = story.records.first_run
    story.records.first_run = None
    sent = await story.sender.send(story.id, "turn_page", SAID, TANAKA, str(uuid4()))
    assert sent == Refused(NOT_STARTED, Why.NOT_STARTED)
    story.records.first_run = str(uuid4())
    sent = await story.sender.send(story.id, "turn_page", SAID, TANAKA, str(uuid4()))
    assert sent == Refused(SignatureRefusal.ALTERED.reason)
    story.records.first_run = first_run
    assert await story.sender.send(story.id, "turn_page", SAID, TANAKA, str(uuid4())) == Done("operator tanaka：お電話")


@pytest.mark.robustness("words of the machinery")
async def test_a_refusal_is_in_japanese_and_says_nothing_of_the_server(story: Story) -> None:
    async def refusal(operation: str = "turn_page", actor: Actor = TANAKA, **content: object) -> Refused:
        sent = await story.sender.send(story.id, operation, SAID | content, actor, str(uuid4()))
        assert isinstance(sent, Refused)
        return sent

    assert await refusal(actor=AUDITOR) == Refused(SignatureRefusal.NOT_ALLOWED.reason)
    assert await refusal("burn_book") == Refused(NOT_THERE, Why.BY_THE_MACHINERY)
    assert await refusal(number=2**60) == Refused(UNREADABLE)
    assert "salt" in (await refusal(salt="mine")).reason
    elsewhere = await story.sender.send("nobody's", "turn_page", SAID, TANAKA, str(uuid4()))
    assert elsewhere == Refused(NOT_STARTED, Why.NOT_STARTED)
    assert await story.handle.query(SignedStory.pages) == []


async def test_without_a_worker_it_is_not_known_and_can_be_sent_again(temporal: WorkflowEnvironment) -> None:
    queue = f"test-{uuid4()}"
    story = Story(
        temporal.client, await temporal.client.start_workflow(SignedStory.run, [], id=queue, task_queue=queue)
    )
    sent = await story.sender.send(queue, "turn_page", SAID, TANAKA, str(uuid4()), patience=timedelta(milliseconds=200))
    assert isinstance(sent, NotKnown)
    await story.handle.terminate()


async def test_nothing_is_signed_for_whom_the_key_does_not_speak(story: Story) -> None:
    with pytest.raises(ValueError, match="signs nothing of a applicant"):
        await story.sender.send(story.id, "turn_page", SAID, Actor(ActorKind.APPLICANT, "YS-1/1"), str(uuid4()))
