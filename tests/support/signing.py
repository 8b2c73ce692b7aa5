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
from temporalio.client import (
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError

from models.common.actors import Actor, ActorKind, Channel
from models.common.commitments import salted
from models.common.operators import Role
from models.common.signatures import HEADER, SignedPlace, Signer
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.public_keys import publish
from tests.support.encryption import ENCRYPTED
from web.common.auth.signing import entry_to_send
from workers.key_files import KeyFiles
from workers.settings import Settings
from workflows.common.signed_headers import with_entry

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


def signed(actor: Actor, place: SignedPlace, message: dict[str, Any]) -> bytes:
    """Return the entry with which an actor sends a message."""
    [purpose] = [purpose for purpose in KeyPurpose if actor.kind in purpose.kinds]
    return SIGNERS[purpose].sign(actor, place, message)


class SignedByTests(Interceptor):
    """Signs the updates that tests send themselves; those of the product are signed before."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        return _Signed(next)


class _Signed(OutboundInterceptor):
    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        who = _WHO.get()
        content = _content(input)
        if who is not None and content is not None and entry_to_send() is None and HEADER not in input.headers:
            input.update_id = input.update_id or str(uuid4())
            if first_run := await self._first_run(input.id):
                message = salted(content)
                place = SignedPlace(input.id, first_run, input.update, input.update_id)
                input.args = [message]
                input.headers = with_entry(input.headers, signed(who, place, message))
        return await super().start_workflow_update(input)

    async def _first_run(self, workflow_id: str) -> str | None:
        asked = DescribeWorkflowInput(id=workflow_id, run_id=None, rpc_metadata={}, rpc_timeout=None)
        try:
            found = await super().describe_workflow(asked)
        except RPCError:  # the update itself says that there is none
            return None
        return found.raw_description.workflow_execution_info.first_run_id


def _content(input: StartWorkflowUpdateInput) -> dict[str, Any] | None:  # noqa: A002 the SDK's name
    """Return the message's JSON as it would lie in history."""
    if len(input.args) != 1 or input.args[0] is None:
        return None
    [payload] = ENCRYPTED.payload_converter.to_payloads(input.args)
    content = json.loads(payload.data)
    return content if isinstance(content, dict) else None
