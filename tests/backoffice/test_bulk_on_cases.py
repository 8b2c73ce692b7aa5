"""Bulk actions on cases that really run: each judges by its own rules, and what is signed takes effect once."""

import pytest

from models.backoffice.store.bulk_rows import BulkActions, LineAnswer
from models.common.operator_actions import HandOver
from models.tables import BulkLineRow
from models.yayoi.mails import MailKind
from models.yayoi.procedures import Stage
from tests.support.cases import SATO
from tests.support.desk import desk_on
from tests.support.environment import OFFICE_B, OFFICE_C, Environment, at_rest, form
from tests.support.signing import operations_by
from tests.support.web import text_of
from web.backoffice.case_reader import CaseReader
from web.backoffice.desk_bulk_jobs import BulkJobs
from workers.stack import inbox

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


async def test_who_gets_many_cases_at_once_gets_one_mail_that_leads_to_all_of_them(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING)
    await case.settled(2)
    client, numbers = environment.client, (1, 2)
    sender, reader = operations_by(client, environment.sessions), CaseReader(client)
    async with desk_on(environment.sessions, sender=sender, reader=reader) as desk:
        await desk.sign_in("tn")
        cases = [f"{case.application_no}/{number}" for number in numbers]
        place = (await desk.http.post("/desk/bulk", data={"cases": cases})).headers["location"]
        for number in numbers:
            await case.act(HandOver(reason="担当", to="sm"), number)
            await case.settled(number)
        environment.inbox.mails.clear()
        await desk.http.post(place, data={"kind": "hand_over", "to": "sk", "reason": REASON})
        jobs: BulkJobs = desk.app.state.services[BulkJobs]
        await jobs.judge_all()
        await desk.http.post(f"{place}/confirm")
        await jobs.send_all()
    for number in numbers:
        await case.settled(number)
        assert (await case.progress(number)).assignee == "sk"
    [mail] = [each for each in environment.inbox.mails if each["To"] == SATO]
    assert mail["Subject"] == MailKind.HANDED_OVER.subject
    assert "/desk?show=mine\r\n" in inbox.text_of(mail)
    assert REASON in inbox.text_of(mail)
