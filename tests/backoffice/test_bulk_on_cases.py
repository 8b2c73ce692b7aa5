"""A bulk action on cases that really run: each judges by its own rules, and what is signed takes effect once."""

import pytest

from models.backoffice.store.bulk_rows import BulkActions, LineAnswer
from models.tables import BulkLineRow
from models.yayoi.procedures import Stage
from tests.support.desk import desk_on
from tests.support.environment import OFFICE_B, OFFICE_C, Environment, at_rest, form
from tests.support.signing import operations_by
from tests.support.web import text_of
from web.backoffice.case_reader import CaseReader
from web.backoffice.desk_bulk_jobs import BulkJobs

REASON = "一括で記録した"


async def test_a_signed_note_is_taken_once_although_who_sent_it_died_before_the_answer_was_kept(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING)
    await case.settled(2)
    client = environment.client
    sender, reader = operations_by(client, environment.sessions), CaseReader(client)
    async with desk_on(environment.sessions, sender=sender, reader=reader) as desk:
        await desk.sign_in("tn")
        chosen = await desk.http.post(
            "/desk/bulk", data={"cases": [f"{case.application_no}/1", f"{case.application_no}/2"]}
        )
        place = chosen.headers["location"]
        jobs: BulkJobs = desk.app.state.services[BulkJobs]
        # The rules of each case: a deadline is moved only where one is waited for, and not for ever.
        await desk.http.post(place, data={"kind": "extend", "until": "2099-12-31", "reason": REASON})
        await jobs.judge_all()
        refused = text_of(await desk.http.get(place))
        assert "できないもの 2 件" in refused
        assert "いまできる操作" not in refused

        await desk.http.post(place, data={"kind": "note", "reason": REASON, "form_id": "anew"})
        await jobs.judge_all()
        assert "2 件を実行できます" in text_of(await desk.http.get(place))
        await desk.http.post(f"{place}/confirm")

        actions: BulkActions = desk.app.state.services[BulkActions]

        async def send_and_die(line: BulkLineRow) -> LineAnswer | None:
            await jobs._send(line)
            raise ConnectionAbortedError

        with pytest.raises(ConnectionAbortedError):
            await actions.send_next(send_and_die)
        await jobs.send_all()
        assert "実行済み 2 件、できなかったもの 0 件" in text_of(await desk.http.get(place))
    noted = [(row.part, row.by) for row in await case.audit() if row.reason == REASON]
    assert sorted(noted) == [(1, "operator:tn"), (2, "operator:tn")]
