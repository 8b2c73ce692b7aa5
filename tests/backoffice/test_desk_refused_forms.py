"""Forms of a provider that could not be taken, at the desk: corrected and taken by the customers' web, or ended."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import BusinessCalendar
from models.common.desk_links import REFUSED_FORMS, refused_form_path
from models.common.refusals import RefusedError
from models.tables import ApplicationRow, AuditRow, RefusedFormRow
from models.yayoi.provider_forms.refused import readable, refused_fields
from models.yayoi.store.intake import Intake
from models.yayoi.store.provider_forms import ProviderForms
from tests.support.databases import as_role
from tests.support.desk import DeskSite
from tests.support.provider_forms import EXAMPLE, answers
from tests.support.web import TOKEN_B, fill_registry, hidden_fields, text_of
from web.backoffice.desk_refused_forms import CORRECTED, DISCARDED, NO_SUCH_FORM, SETTLED
from workers.database_roles import DatabaseRole

FAMILY_NAME, MAIL_AGAIN = "data.answers[?label=='姓'].value", "data.offices[0].mail_again"
REASON = "お電話で確認したため"


@pytest_asyncio.fixture
async def forms(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[ProviderForms]:
    """As the customers' web takes them."""
    await fill_registry(sessions)
    async with as_role(sessions, DatabaseRole.CUSTOMERS) as own:
        yield ProviderForms(own, Intake(own, BusinessCalendar()), EXAMPLE)


async def refused(desk: DeskSite, forms: ProviderForms, webhook_id: str = "evt_1") -> str:
    """Have a form sent with two mistakes; return its page."""
    office = {"mail": "b@example.co.jp", "mail_again": "b@exmple.co.jp", "token": TOKEN_B}
    with pytest.raises(RefusedError):
        await forms.take(webhook_id, json.dumps(answers(姓="Yayoi", offices=[office])))
    row = (await desk.rows(select(RefusedFormRow).filter_by(webhook_id=webhook_id)))[0]
    return refused_form_path(row.form_no)


async def the_only(desk: DeskSite) -> RefusedFormRow:
    row: RefusedFormRow
    [row] = await desk.rows(select(RefusedFormRow))
    return row


def keys(row: RefusedFormRow) -> dict[str, str]:
    """What each of the provider's values is called in the page's form."""
    return {each.name: each.key for each in refused_fields(row.body, row.errors, row.corrections)}


async def test_a_form_is_corrected_at_the_desk_and_taken_by_the_web_that_may_store_applications(
    desk: DeskSite, forms: ProviderForms
) -> None:
    """What is still wrong comes back with what was typed; nothing is asked for twice."""
    page = await refused(desk, forms)
    await desk.sign_in("sk")
    assert "受け付けられなかったフォームが 1 件あります" in text_of(await desk.http.get("/desk"))
    listed = await desk.http.get(REFUSED_FORMS)
    assert f'href="{page}"' in listed.text
    assert "姓：" in text_of(listed)
    names = keys(await the_only(desk))
    assert set(names) == {FAMILY_NAME, MAIL_AGAIN, "data.offices[0].mail", "data.offices[0].token"}
    opened = await desk.http.get(page)
    assert f'name="{names[FAMILY_NAME]}" value="Yayoi"' in opened.text
    assert "refresh" not in opened.headers

    unsaid = await desk.http.post(page, data={**hidden_fields(opened, page), names[FAMILY_NAME]: "弥生"})
    assert 'id="reason-error"' in unsaid.text
    assert 'value="弥生"' in unsaid.text
    sent = {names[FAMILY_NAME]: "弥生", names[MAIL_AGAIN]: "b@exmple.co.jp", "reason": REASON, "form_id": "1"}
    for _ in range(2):
        await desk.http.post(page, data={**names_and_sent(await the_only(desk)), **sent})
    row = await the_only(desk)
    assert (row.corrections, row.settled_by, row.reason) == ({FAMILY_NAME: "弥生"}, "operator:sk", REASON)
    waiting = await desk.http.get(page)
    assert "受け付けています" in text_of(waiting)
    assert waiting.headers["refresh"] == "2"

    await forms.take_asked()
    again = await desk.http.get(page)
    assert "refresh" not in again.headers
    row = await the_only(desk)
    assert row.errors.keys() == {MAIL_AGAIN}
    assert f'name="{names[FAMILY_NAME]}" value="弥生"' in again.text
    sent = {names[MAIL_AGAIN]: "b@example.co.jp", "reason": REASON}
    await desk.http.post(page, data={**names_and_sent(row), **sent})
    await forms.take_asked()
    await forms.take_asked()
    [application] = await desk.rows(select(ApplicationRow))
    assert (application.family_name, application.given_name) == ("弥生", "太郎")
    done = await desk.http.get(page)
    assert f'href="/desk/cases/{application.application_no}"' in done.text
    row = await the_only(desk)
    assert (row.body, row.corrections, row.application_no) == ("", {}, application.application_no)
    audited = await desk.rows(select(AuditRow).filter_by(case_no=application.application_no, by="operator:sk"))
    assert len(audited) == 1
    assert [each for each in await desk.audited() if each[1] == CORRECTED] == [
        ("sk", CORRECTED, {"form_no": row.form_no})
    ] * 2
    assert "受け付けられなかったフォーム" not in text_of(await desk.http.get("/desk"))


def names_and_sent(row: RefusedFormRow) -> dict[str, str]:
    """What the page's form holds before anything is typed."""
    return {each.key: each.value for each in refused_fields(row.body, row.errors, row.corrections)}


async def test_a_form_is_ended_with_a_reason_and_what_it_said_is_gone(desk: DeskSite, forms: ProviderForms) -> None:
    page = await refused(desk, forms)
    await desk.sign_in("sk")
    assert 'id="end_reason-error"' in (await desk.http.post(f"{page}/discard", data={"form_id": "1"})).text
    async with desk.browser() as other:
        await desk.sign_in("tn", other)
        ended = await other.post(f"{page}/discard", data={"end_reason": "二重のお申し込み", "form_id": "2"})
        assert "受け付けずに終了しました" in text_of(await other.get(ended.headers["location"]))
    row = await the_only(desk)
    assert (row.body, row.application_no, row.settled_by) == ("", None, "operator:tn")
    # Who still has the form's page open learns it; nothing is taken any more.
    late = await desk.http.post(page, data={"reason": REASON, "form_id": "3"})
    assert SETTLED in text_of(late)
    await forms.take_asked()
    assert await desk.rows(select(ApplicationRow)) == []
    assert [each[1] for each in await desk.audited()][-1] == DISCARDED


async def test_an_auditor_reads_them_and_changes_none_and_who_sees_no_case_sees_none(
    desk: DeskSite, forms: ProviderForms
) -> None:
    page = await refused(desk, forms)
    await desk.sign_in("kn")
    read = await desk.http.get(page)
    assert (read.status_code, "Yayoi" in read.text, "<form" in read.text.partition("<main")[2]) == (200, True, False)
    for path in (page, f"{page}/discard"):
        assert (await desk.http.post(path, data={"reason": REASON})).status_code == 403
    assert NO_SUCH_FORM in text_of(await desk.http.get(refused_form_path(99)))
    async with desk.browser() as other:
        await desk.sign_in("mr", other)
        assert (await other.get(page)).status_code == 403


OWN = {"offices": [{"yayoi_id": "a@example.jp", "count": 2}], "network_product": True, "note": [1, 2]}


@pytest.mark.parametrize(
    ("body", "wrong", "expected"),
    [
        (OWN, "offices.0.yayoi_id", {"offices.0.yayoi_id": "a@example.jp", "offices.0.count": "2"}),
        (OWN, "network_product", {"network_product": "true"}),
        (OWN, "offices.7.token", {"offices.7.token": ""}),
        (OWN, "no ] expression", {"no ] expression": "", "network_product": "true"}),
        ([], "", {}),
        ("{", "", {}),
    ],
    ids=str,
)
def test_what_is_wrong_can_be_corrected_and_what_stands_beside_it(
    body: Any, wrong: str, expected: dict[str, str]
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    fields = refused_fields(text, {wrong: "違います。"}, {})
    assert {each.name: each.value for each in fields} == expected
    assert len({each.key for each in fields}) == len(fields)
    assert readable(text) == text or json.loads(readable(text)) == body
