"""Who was erased after a copy was made is erased from it again, and whoever has applied since then is left alone."""

from uuid import uuid4

from sqlalchemy import func, select

from models.backoffice.store.erased_again import erase_again
from models.backoffice.store.persons import find_person
from models.backoffice.store.restored_rows import promise_numbers
from models.common.calendar import utc_now
from models.common.journal import Erasure, next_entry
from models.common.store.case_keys import still_there
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow, ErasureRequestRow, OfficeRow, YayoiIdRow
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, Environment, at_rest, form

HER, HIS = OFFICE_C[0], OFFICE_B[0]


async def test_an_older_copy_forgets_the_person_again_and_a_younger_one_keeps_who_has_come_back(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    number = case.application_no
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.SET_UP, 2)
    await end(case.application)  # nothing but the stores runs while a restore does
    entry = next_entry([], Erasure.of(str(uuid4()), [HER], [number]), "2026-11-04T01:00:00.000000+00:00")
    owner = f"application/{number}"
    async with environment.sessions.begin() as session:
        assert f"{number}:1" in set(await session.scalars(select(OfficeRow.frozen_by)))
        assert owner in await still_there(session, [owner])
        assert await erase_again(session, [entry], utc_now()) == [owner]
    async with environment.sessions() as session:
        assert (await find_person(session, [HER])).hits == ()
        assert not await still_there(session, [owner])
        assert await session.scalar(select(func.count()).select_from(YayoiIdRow).filter_by(yayoi_id=HIS)) == 1
        offices = list(await session.scalars(select(ApplicationOfficeRow).filter_by(application_no=number)))
        assert {row.yayoi_id for row in offices} == {"", HIS}
        assert {(row.outcome, row.holds_id, row.holds_token) for row in offices} == {(Outcome.TERMINATED, False, False)}
        assert set(await session.scalars(select(OfficeRow.frozen_by))) == {None}
        outcomes = await session.scalars(select(CaseStatusRow.stage).filter_by(case_no=number))
        assert set(outcomes) == {Stage.CLOSED}
        [request] = await session.scalars(select(ErasureRequestRow))
        assert request.done_at is not None
    # From now on the records are younger than the erasure: who comes back stays.
    async with environment.sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=HER, family_name="弥生", given_name="花子"))
    async with environment.sessions.begin() as session:
        assert await erase_again(session, [entry], utc_now()) == []
        await promise_numbers(session, [entry])
    async with environment.sessions() as session:
        assert (await find_person(session, [HER])).hits != ()
        assert await session.scalar(select(func.count()).select_from(ApplicationRow)) == 1
