"""The oldest PostgreSQL that is promised: the schema is made there, and a case comes to its notice."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.testing import WorkflowEnvironment

from models.common.waiting_for import WaitingFor
from models.tables import NoticeRow
from models.yayoi.mails import MailKind
from tests.support.encryption import MASTER
from tests.support.environment import environment_with_worker, form
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.smtp_inbox import SmtpInbox
from tests.support.tls_servers import DEBIAN, PASSWORD, Authorities, debian_postgres
from workers import database
from workers.commands.migrate import set_up
from workers.settings import Settings

OLDEST = "15"
ROLES = ("customers", "desk", "worker", "erase")
HAS_OLDEST = bool(DEBIAN) and DEBIAN[-1].parts[-3] == OLDEST


@pytest.mark.skipif(not HAS_OLDEST, reason=f"no PostgreSQL {OLDEST} of Debian's (apt install postgresql)")
async def test_a_case_comes_to_its_notice_on_the_oldest_database(
    tmp_path: Path, temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    authorities = Authorities.in_folder(tmp_path)
    roles: dict[str, Any] = {f"database_{role}_password": SecretStr(PASSWORD) for role in ROLES}
    with debian_postgres(authorities) as port:
        settings = Settings(
            database_url=f"postgresql+asyncpg://postgres@localhost:{port}/postgres",
            database_password=SecretStr(PASSWORD),
            database_tls=True,
            database_ca=authorities.right,
            **roles,
        )
        await set_up(settings, schema_only=True)
        engine = database.engine(settings)
        await database.check(engine)
        async with environment_with_worker(
            database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal, smtp_inbox
        ) as environment:
            case = await environment.apply(form())
            while (await case.progress()).waiting_for is WaitingFor.SYSTEM:
                await case.settled()
            sent = await environment.rows(select(NoticeRow.kind).where(NoticeRow.sent_at.is_not(None)))
            assert MailKind.COMPLETION_NOTICE in sent
        await engine.dispose()
