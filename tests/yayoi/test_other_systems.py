"""Two of the vendor's systems in another place than Postgres (`activities.yayoi.registry`): no case notices."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.yayoi.registry.protocols import EndedSharing
from models.common.calendar import day_in_japan
from models.common.store.ledger import StepTransaction
from models.tables import LedgerRow, OfficeRow, SharingRow, SmartImportRunRow
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Cancel
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.environment import (
    OFFICE_B,
    OFFICE_C,
    TARO,
    Environment,
    at_rest,
    environment_with_worker,
    form,
)
from tests.support.recorded_paths import AIR_C, BANK_C
from tests.support.smtp_inbox import SmtpInbox
from workers.settings import Settings
from workers.stack.inbox import text_of
from workers.wiring.root import build_registry

C = OFFICE_C[1]
THEIRS, OURS = "丘の上会計事務所", "山田会計事務所"
"""With whom the other system says that C is shared, and with whom our own table does."""


class OtherSmartImport:
    def __init__(self) -> None:
        self.frozen_for: dict[OfficeToken, str] = {}
        self.keys: list[str] = []

    async def freeze(self, transaction: StepTransaction, office: OfficeToken) -> None:
        self.keys.append(transaction.key)
        if self.frozen_for.setdefault(office, transaction.pair) != transaction.pair:
            raise ApplicationError("別の手続きで凍結中です。", type="FrozenByAnother")

    async def thaw(self, transaction: StepTransaction, office: OfficeToken) -> None:
        self.keys.append(transaction.key)
        if self.frozen_for.get(office) == transaction.pair:
            del self.frozen_for[office]

    async def frozen(self, transaction: StepTransaction) -> Mapping[OfficeToken, str]:
        assert not transaction.key  # only asked
        return dict(self.frozen_for)


class OtherSharing:
    """Answers a key that it has seen as it did the first time."""

    def __init__(self, shared: Mapping[OfficeToken, Sequence[str]]) -> None:
        self.shared = {office: tuple(firms) for office, firms in shared.items()}
        self.answers: dict[str, Sequence[str]] = {}
        self._ended: dict[str, list[EndedSharing]] = {}

    async def firms(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        assert not transaction.key  # only asked
        return self.shared.get(office, ())

    async def end(
        self, transaction: StepTransaction, office: OfficeToken, *, released_by_system: bool
    ) -> Sequence[str]:
        if transaction.key not in self.answers:
            firms = self.answers[transaction.key] = self.shared.pop(office, ())
            ended = [EndedSharing(office, firm, released_by_system) for firm in firms]
            self._ended.setdefault(transaction.pair, []).extend(ended)
        return self.answers[transaction.key]

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        if transaction.key not in self.answers:
            ended = self._ended.get(transaction.pair, [])
            back = [each for each in ended if each.office == office and each.released_by_system]
            self._ended[transaction.pair] = [each for each in ended if each not in back]
            self.answers[transaction.key] = tuple(each.firm for each in back)
            self.shared[office] = (*self.shared.get(office, ()), *self.answers[transaction.key])
        return self.answers[transaction.key]

    async def ended(self, transaction: StepTransaction) -> Sequence[EndedSharing]:
        return self._ended.get(transaction.pair, [])


async def our_tables(environment: Environment) -> list[tuple[object, ...]]:
    """What the default keeps of freezes, imports and sharing."""
    offices = await environment.rows(select(OfficeRow).order_by(OfficeRow.office_token))
    shared = await environment.rows(select(SharingRow).order_by(SharingRow.sharing_id))
    runs = await environment.rows(select(SmartImportRunRow))
    return [
        *((row.office_token, row.frozen_by, row.frozen_at) for row in offices),
        *((row.office_token, row.firm, row.ended_at, row.ended_for, row.released_by_system) for row in shared),
        *((row.run_id,) for row in runs),
    ]


@pytest.fixture
def smart_import() -> OtherSmartImport:
    return OtherSmartImport()


@pytest.fixture
def sharing() -> OtherSharing:
    return OtherSharing({C: [THEIRS]})


@pytest_asyncio.fixture
async def environment(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    smart_import: OtherSmartImport,
    sharing: OtherSharing,
) -> AsyncIterator[Environment]:
    registry = replace(build_registry(Settings()), smart_import=smart_import, sharing=sharing)
    async with environment_with_worker(sessions, temporal, smtp_inbox, registry=registry) as environment:
        before = await our_tables(environment)
        yield environment
        assert await our_tables(environment) == before


def mailed(environment: Environment, to: str, subject: str) -> str:
    [mail] = [mail for mail in environment.inbox.to(to) if mail["Subject"] == subject]
    return text_of(mail)


async def test_a_whole_case_with_smart_import_and_sharing_in_another_system(
    environment: Environment, smart_import: OtherSmartImport, sharing: OtherSharing
) -> None:
    """Y12, Y13: frozen, shared, released and thawed there; our own tables of both say what they said before."""
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)  # which is shared with nobody
    await at_rest(case, Stage.SHARING, 2)
    assert smart_import.frozen_for == {C: f"{case.application_no}:2"}
    asked = mailed(environment, TARO, MailKind.RELEASE_SHARING.subject)
    assert THEIRS in asked
    assert OURS not in asked

    await case.release_sharing(2)
    await at_rest(case, Stage.SET_UP, 2)
    assert (sharing.shared, smart_import.frozen_for) == ({}, {})
    # With whom to share again, if still wanted (Y21).
    assert THEIRS in mailed(environment, OFFICE_C[0], MailKind.COMPLETION_NOTICE.subject)

    await case.do_steps(*SetUpStep, number=2)
    today = day_in_japan(await case.now(2))
    await case.relink(*BANK_C, today, number=2)
    await case.relink(*AIR_C, today, number=2)
    assert (await case.office(2).result()).outcome is Outcome.COMPLETED
    # What the other systems keep their promises by are the ledger's own keys.
    given = {*smart_import.keys, *sharing.answers}
    assert len(given) == 5  # B is frozen and thawed, C frozen, released and thawed
    assert given <= set(await environment.rows(select(LedgerRow.key)))


async def test_y27_an_early_exit_restores_what_the_system_had_released_there(
    environment: Environment, smart_import: OtherSmartImport, sharing: OtherSharing
) -> None:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    assert sharing.shared == {}
    await case.act(Cancel(reason="お客様のご希望"))
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    assert (sharing.shared, smart_import.frozen_for) == ({C: (THEIRS,)}, {})
    assert THEIRS in mailed(environment, TARO, MailKind.CANCELLED.subject)
