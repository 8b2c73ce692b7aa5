"""The tests' keys, and who acts: updates that a test sends are signed as an operator's, unless it says otherwise."""

import atexit
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client, DescribeWorkflowInput, OutboundInterceptor, StartWorkflowUpdateInput
from temporalio.service import RPCError

from models.common.actors import Actor, ActorKind, Channel
from models.common.commitments import salted
from models.common.operators import Role
from models.common.signatures import HEADER, SignedPlace, Signer
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.operation_records import OperationRecords
from models.common.store.public_keys import publish
from tests.support.encryption import ENCRYPTED
from web.common.auth.signing import SignedUpdatesOfClient, entry_to_send
from web.common.operation_sender import OperationSender, SignerNow
from workers.key_files import KeyFiles
from workers.settings import Settings

# Always the same, so that what a recorded history says can be verified by whoever reads it.
KEYS = {purpose: PrivateKey(purpose, hashlib.sha256(f"tests: {purpose}".encode()).digest()) for purpose in KeyPurpose}
PUBLIC = [key.public for key in KEYS.values()]
SIGNERS = {purpose: Signer(key) for purpose, key in KEYS.items()}

SATO = Actor(ActorKind.OPERATOR, "sk", (Role.CASEWORKER,))
"""An operator of the example registry, by whom tests act."""
TANAKA = Actor(ActorKind.OPERATOR, "tn", (Role.SUPERVISOR,))
SUZUKI = Actor(ActorKind.OPERATOR, "sm", (Role.SUPERVISOR,))


def applicant(application_no: str, office_no: int = 1) -> Actor:
    """Whoever has the link of an application."""
    return Actor(ActorKind.APPLICANT, f"{application_no}/{office_no}", channel=Channel.PAGE)


_WHO: ContextVar[Actor | None] = ContextVar("who", default=SATO)


async def customers_signer() -> Signer:
    """Return what signs on the customers' pages."""
    return SIGNERS[KeyPurpose.CUSTOMERS]


async def operators_signer() -> Signer:
    """Return what signs on the operators' pages."""
    return SIGNERS[KeyPurpose.OPERATORS]


async def publish_keys(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Let the workers on this database know the tests' keys."""
    async with sessions.begin() as session:
        for key in PUBLIC:
            await publish(session, key)


@cache
def key_folder() -> Path:
    """Return a folder of the private keys' files, for the commands; it lasts as long as the tests."""
    folder = Path(mkdtemp(prefix="tetsuzuki-keys-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    files = KeyFiles(Settings(signing_keys_dir=folder))
    for key in KEYS.values():
        files.write(key)
    return folder


@contextmanager
def acting_as(who: Actor | None) -> Iterator[None]:
    """Send the updates of this context as somebody else; None: unsigned."""
    before = _WHO.set(who)
    try:
        yield
    finally:
        _WHO.reset(before)


@contextmanager
def signing_with(key: PrivateKey) -> Iterator[None]:
    """Sign what tests send in this context with another key of its purpose."""
    purpose = key.public.purpose
    before, SIGNERS[purpose] = SIGNERS[purpose], Signer(key)
    try:
        yield
    finally:
        SIGNERS[purpose] = before


def signed(actor: Actor, place: SignedPlace, message: dict[str, Any]) -> bytes:
    """Return the entry with which an actor sends a message."""
    [purpose] = [purpose for purpose in KeyPurpose if actor.kind in purpose.kinds]
    return SIGNERS[purpose].sign(actor, place, message)


async def _entry_of(update: StartWorkflowUpdateInput, following: OutboundInterceptor) -> bytes | None:
    who, content = _WHO.get(), _content(update)
    signed_before = entry_to_send() is not None or HEADER in update.headers
    if who is None or content is None or signed_before:
        return None
    update.update_id = update.update_id or str(uuid4())
    if not (first_run := await _first_run(update.id, following)):
        return None
    message = salted(content)
    update.args = [message]
    return signed(who, SignedPlace(update.id, first_run, update.update, update.update_id), message)


SIGNED_BY_TESTS = SignedUpdatesOfClient(_entry_of)
"""Signs the updates that tests send themselves; those of the product are signed before."""


async def _first_run(workflow_id: str, following: OutboundInterceptor) -> str | None:
    asked = DescribeWorkflowInput(id=workflow_id, run_id=None, rpc_metadata={}, rpc_timeout=None)
    try:
        found = await following.describe_workflow(asked)
    except RPCError:  # the update itself says that there is none
        return None
    return found.raw_description.workflow_execution_info.first_run_id


def operations_by(
    client: Client, sessions: async_sessionmaker[AsyncSession], signer: SignerNow = operators_signer
) -> OperationSender:
    """Return what sends operations on pages: the operators', unless the customers' signer is given."""
    return OperationSender(client, signer, OperationRecords(sessions))


def _content(update: StartWorkflowUpdateInput) -> dict[str, Any] | None:
    """Return the message's JSON as it would lie in history."""
    if len(update.args) != 1 or update.args[0] is None:
        return None
    [payload] = ENCRYPTED.payload_converter.to_payloads(update.args)
    content = json.loads(payload.data)
    return content if isinstance(content, dict) else None
