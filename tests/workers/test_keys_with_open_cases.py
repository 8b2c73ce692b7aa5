"""Keys are changed while cases are open: these go on, and what was signed before stays as good as its key."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, update
from temporalio.client import WorkflowUpdateFailedError

from activities.backoffice.history_checks import HistoryChecks
from models.backoffice.reconciliation import FindingKind
from models.common.signatures import SignatureRefusal, Signer
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.public_keys import KNOWN_AFTER, publish, retire, revoke
from models.myics.batch_operations import BatchOperation
from models.tables import PublicKeyRow
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.cases import in_sharing
from tests.support.ending import end
from tests.support.environment import Case, Environment, at_rest
from tests.support.myics_cases import continue_as_new_after, held_up, shown
from tests.support.myics_environment import MyicsEnvironment
from tests.support.resets import reset
from tests.support.settling import settled
from tests.support.signing import KEYS, SATO, operations_by, signing_with
from tests.support.web import until
from web.common.operation_sender import Done, Refused

OLD = KEYS[KeyPurpose.OPERATORS]
SAID = {"reason": "お電話"}


@pytest.fixture
def new() -> PrivateKey:
    return PrivateKey.new(KeyPurpose.OPERATORS)


@pytest_asyncio.fixture
async def sharing(environment: Environment) -> AsyncIterator[Case]:
    """An open case with an operation that the old key has signed."""
    case = await in_sharing(environment)
    await note(case)
    yield case
    await end(case.application, case.office())


async def note(case: Case) -> None:
    await case.office().execute_update(Action.ADD_NOTE, SAID)


async def notes(case: Case) -> int:
    return [row.action for row in await case.audit()].count(Action.ADD_NOTE.label)


async def known(environment: Environment, key: PrivateKey) -> None:
    """Publish a key; every worker has known it for long."""
    async with environment.sessions.begin() as session:
        await publish(session, key.public)
    async with environment.sessions.begin() as session:
        own = update(PublicKeyRow).filter_by(key_id=key.public.key_id)
        await session.execute(own.values(published_at=func.now() - 2 * KNOWN_AFTER))
    await environment.read_keys()


async def kinds(environment: Environment, case: Case) -> set[FindingKind]:
    checks = HistoryChecks(
        environment.sessions, environment.client, environment.settings.temporal_task_queue, settled_for=timedelta()
    )
    return {finding.kind for finding in await checks.find() if finding.procedure == case.office().id}


async def test_a_key_is_retired_while_a_case_is_open(environment: Environment, sharing: Case, new: PrivateKey) -> None:
    """What it has signed verifies for ever, also when a Reset sends it again; the new one signs."""
    await known(environment, new)
    async with environment.sessions.begin() as session:
        await retire(session, OLD.public.key_id)
    await environment.read_keys()
    with signing_with(new):
        await note(sharing)
        await reset(environment.client, sharing.office())
        await at_rest(sharing, Stage.SHARING)
        assert await notes(sharing) == 2
        assert await kinds(environment, sharing) <= {FindingKind.WAS_RESET}
        await sharing.office().execute_update(Action.RELEASE_SHARING, SAID)
        await at_rest(sharing, Stage.SET_UP)


async def test_a_key_is_revoked_while_a_case_is_open(environment: Environment, sharing: Case, new: PrivateKey) -> None:
    """It signs nothing new; the case goes on, and what it has signed is named, and lost by a Reset."""
    await known(environment, new)
    async with environment.sessions.begin() as session:
        await revoke(session, OLD.public.key_id)
    await environment.read_keys()
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await note(sharing)
    assert SignatureRefusal.REVOKED_KEY.reason in str(failed.value.cause)
    assert await kinds(environment, sharing) == {FindingKind.NOT_SIGNED}
    with signing_with(new):
        await note(sharing)
        await reset(environment.client, sharing.office())
        await at_rest(sharing, Stage.SHARING)
        assert await notes(sharing) == 2  # the trail keeps both

        async def is_named() -> bool:
            return await kinds(environment, sharing) == {FindingKind.WAS_RESET, FindingKind.LOST_OPERATION}

        await until(is_named)
        await sharing.office().execute_update(Action.RELEASE_SHARING, SAID)
        await at_rest(sharing, Stage.SET_UP)


@pytest.mark.long
async def test_keys_change_between_the_runs_of_a_file(
    myics: MyicsEnvironment, monkeypatch: pytest.MonkeyPatch, new: PrivateKey
) -> None:
    """What an earlier run has taken is done, as the audit trail says it; the new key signs in the next run."""
    handle, environment = await held_up(myics), myics.environment
    operations, update_id = operations_by(environment.client, environment.sessions), str(uuid4())
    assert await operations.send(handle.id, "stop", SAID, SATO, update_id) == Done()
    await known(environment, new)
    async with environment.sessions.begin() as session:
        await retire(session, OLD.public.key_id)
    await environment.read_keys()
    first_run = (await handle.describe()).run_id
    continue_as_new_after(monkeypatch, 5)

    async def new_signer() -> Signer:
        return Signer(new)

    by_new = operations_by(environment.client, environment.sessions, new_signer)
    assert await by_new.send(handle.id, "resume", SAID, SATO, str(uuid4())) == Done()

    async def in_a_new_run() -> bool:
        return (await handle.describe()).run_id != first_run

    await until(in_a_new_run)
    monkeypatch.undo()
    again = await operations.send(handle.id, "stop", SAID, SATO, update_id)
    assert again == Done(BatchOperation.STOP.label, before=True)
    await settled(environment.temporal, handle)
    assert await by_new.send(handle.id, "stop", SAID, SATO, str(uuid4())) == Done()
    await shown(handle, lambda progress: progress.stopped)
    assert not isinstance(await by_new.send(handle.id, "resume", SAID, SATO, str(uuid4())), Refused)
    await end(handle)
