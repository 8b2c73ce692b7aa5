"""The operators' pages behind the log-in: who may open what, one's own leave and log-ins, and roles."""

import html
import re
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select, update

from models.common.calendar import day_in_japan
from models.common.operators import LEAVE_ENDS_TOO_EARLY, MAY_CHANGE, MAY_SEE, Area, Role
from models.common.store.operators import LAST_ADMINISTRATOR, OF_ANOTHER
from models.tables import OperatorIdentityRow, OperatorRow, OperatorSessionRow
from tests.support.desk import OPERATORS, DeskSite, filled, routes_of
from tests.support.openid_provider import SmallProvider
from tests.support.web import CROSS_SITE, text_of
from web.backoffice.codec_server import DECODE, ENCODE
from web.backoffice.desk import DeskContext
from web.backoffice.desk_administration import OPERATORS as ADMINISTRATION
from workflows.backoffice.queues import Queue, QueueFilter, link

OPEN = {
    ("GET", "/sign-in"),
    ("GET", "/sign-in/openid"),
    ("GET", "/sign-in/callback"),
    ("GET", "/sign-in/link"),
    ("POST", "/sign-in/link"),
    ("GET", "/signed-out"),
    ("GET", "/problem"),
    ("GET", "/desk/problem"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/"),  # leads to the desk
    ("POST", "/api/back-channel-logout"),
}
"""What is answered without a log-in; all else of the application is not."""


CALLS = {DECODE, ENCODE}
"""What the Web UI's own program calls."""


async def test_nothing_is_open_without_a_log_in(desk: DeskSite) -> None:
    routes = routes_of(desk)
    assert routes >= OPEN
    assert len(routes - OPEN) > 8
    for method, path in sorted(routes):
        answer = await desk.http.request(method, filled(path), data={"key": "x"} if method == "POST" else None)
        if path in CALLS:  # of a program, which is shown no page
            assert answer.status_code == 401
            continue
        led_to_log_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")
        assert led_to_log_in is ((method, path) not in OPEN), (method, path, answer.status_code)
        assert "佐藤" not in answer.text or path == "/sign-in"
    await desk.sign_in("sk")
    assert (await desk.http.get("/openapi.json")).status_code == 404
    assert (await desk.http.get("/docs")).status_code == 404


async def test_a_session_of_a_customer_is_nobody_here_nor_is_a_made_up_one(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    token = desk.http.cookies["desk"]
    for cookies in ({"session": token}, {"myics": token}, {"desk": "made-up"}, {"desk": ""}, {"__Host-desk": token}):
        async with desk.browser() as other:
            other.cookies.update(cookies)
            assert not await desk.is_in(other)


async def test_no_form_is_taken_from_another_site(desk: DeskSite) -> None:
    await desk.sign_in("tn")
    for method, path in routes_of(desk):
        if method == "POST" and not path.startswith("/api/"):
            answer = await desk.http.post(filled(path), data={"key": "x"}, headers=CROSS_SITE)
            assert answer.status_code == 403, path
    assert await desk.is_in()


async def test_every_answer_has_the_security_headers(desk: DeskSite) -> None:
    for path in ("/desk", "/sign-in", "/static/style.css", "/nowhere", "/sign-in/link?key=x"):
        headers = (await desk.http.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"


async def test_the_page_says_who_one_is_and_what_one_may(desk: DeskSite) -> None:
    await desk.sign_in("tn")
    page = text_of(await desk.http.get("/desk/me"))
    for said in ("田中さん", "tn", "責任者、管理者", "担当者の管理"):
        assert said in page
    async with desk.browser() as other:
        await desk.sign_in("mr", other)
        assert "役割がありません" in text_of(await other.get("/desk"))


# Roles -------------------------------------------------------------------------------------------------------------


def test_who_may_change_something_may_see_it_and_an_auditor_sees_everything_and_changes_nothing() -> None:
    assert MAY_SEE.keys() == MAY_CHANGE.keys() == set(Role)
    assert all(MAY_CHANGE[role] <= MAY_SEE[role] for role in Role)
    assert MAY_SEE[Role.AUDITOR] == set(Area)
    assert MAY_CHANGE[Role.AUDITOR] == set()
    assert MAY_SEE[Role.ADMINISTRATOR].isdisjoint({Area.CASES, Area.WEB_UI})


@pytest.mark.parametrize("handle", OPERATORS)
async def test_the_operators_are_shown_and_changed_by_those_whose_role_it_is(desk: DeskSite, handle: str) -> None:
    await desk.sign_in(handle)
    roles = OPERATORS[handle][1]
    sees = any(Area.ADMINISTRATION in MAY_SEE[role] for role in roles)
    changes = any(Area.ADMINISTRATION in MAY_CHANGE[role] for role in roles)
    page = await desk.http.get(ADMINISTRATION)
    assert page.status_code == (200 if sees else 403)
    assert ("佐藤" in page.text) is sees
    assert ('method="post"' in page.text) is changes
    posts = [path for method, path in routes_of(desk) if method == "POST" and path.startswith(ADMINISTRATION)]
    assert len(posts) == 6
    for path in sorted(posts):
        before = await facts_of(desk)
        answer = await desk.http.post(path.replace("{handle}", "mr"), data={"roles": "auditor", "subject": ""})
        assert (answer.status_code != HTTPStatus.FORBIDDEN) is changes, path
        if not changes:
            assert await facts_of(desk) == before
            assert "権限がありません" in answer.text


async def facts_of(desk: DeskSite) -> list[Any]:
    rows = await desk.rows(select(OperatorRow).order_by(OperatorRow.handle))
    return [(row.handle, row.roles, row.leave_from, row.leave_until, row.removed_at) for row in rows]


async def test_a_role_that_is_given_or_taken_away_holds_from_the_next_request_on(desk: DeskSite) -> None:
    await desk.sign_in("tn")
    async with desk.browser() as other:
        await desk.sign_in("sk", other)
        assert (await other.get(ADMINISTRATION)).status_code == 403
        await desk.http.post(f"{ADMINISTRATION}/sk/roles", data={"roles": ["caseworker", "administrator"]})
        assert (await other.get(ADMINISTRATION)).status_code == 200
        await other.post(f"{ADMINISTRATION}/tn/roles", data={"roles": ["supervisor"]})
        assert (await desk.http.get(ADMINISTRATION)).status_code == 403
    changes = [(who, facts["roles"]) for who, action, facts in await desk.audited() if action == "roles_changed"]
    assert changes == [("sk", ["caseworker", "administrator"]), ("tn", ["supervisor"])]


async def test_who_has_left_is_out_from_the_next_request_on_and_all_their_ways_in_are_closed(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    await desk.known_as("tn", provider.issuer, "subject-of-tn")
    async with desk.browser() as other:
        await desk.signs_in_at(provider, http=other)
        provider.subject = "subject-of-tn"
        await desk.signs_in_at(provider)
        answer = await desk.http.post(f"{ADMINISTRATION}/sk/remove")
        assert answer.status_code == 303
        assert not await desk.is_in(other)
        provider.subject = "subject-of-sk"
        assert (await desk.signs_in_at(provider, http=other)).status_code == 403
    row = await desk.operator("sk")
    assert row.removed_at is not None
    assert not row.takes_cases
    assert "佐藤" not in (await desk.http.get(ADMINISTRATION)).text
    again = await desk.http.post(f"{ADMINISTRATION}/sk/roles", data={"roles": "auditor"})
    assert again.status_code == 422


async def test_somebody_stays_an_administrator(desk: DeskSite) -> None:
    await desk.sign_in("tn")
    for path, data in (("roles", {"roles": ["supervisor"]}), ("remove", {})):
        answer = await desk.http.post(f"{ADMINISTRATION}/tn/{path}", data=data)
        assert answer.status_code == 422
        assert LAST_ADMINISTRATOR in text_of(answer)
    assert (await desk.operator("tn")).roles == ["supervisor", "administrator"]


async def test_an_identity_lets_in_and_its_removal_ends_its_log_ins(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    await desk.known_as("tn", provider.issuer, "subject-of-tn")
    provider.subject = "subject-of-tn"
    await desk.signs_in_at(provider)
    provider.subject = "new-one"
    async with desk.browser() as other:
        assert (await desk.signs_in_at(provider, http=other)).status_code == 403
        await desk.http.post(f"{ADMINISTRATION}/kn/identities", data={"subject": " new-one "})
        assert (await desk.signs_in_at(provider, http=other)).status_code == 303
        assert "監物さん" in text_of(await other.get("/desk"))
        taken = await desk.http.post(f"{ADMINISTRATION}/sk/identities", data={"subject": "new-one"})
        assert taken.status_code == 422
        assert OF_ANOTHER.format(handle="kn") in text_of(taken)
        gone = {"issuer": provider.issuer, "subject": "new-one"}
        await desk.http.post(f"{ADMINISTRATION}/kn/identities/remove", data=gone)
        assert not await desk.is_in(other)
    assert await desk.is_in()
    assert [row.subject for row in await desk.rows(select(OperatorIdentityRow).order_by("subject"))] == [
        "subject-of-sk",
        "subject-of-tn",
    ]


# Leave -------------------------------------------------------------------------------------------------------------


async def test_leave_is_kept_and_taken_back(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    sent = {"leave_from": "2026-11-01", "leave_until": "２０２６／１１／１０"}
    answer = await desk.http.post("/desk/me/leave", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/me?done=leave")
    row = await desk.operator("sk")
    assert (row.leave_from, row.leave_until) == (date(2026, 11, 1), date(2026, 11, 10))
    page = await desk.http.get("/desk/me?done=leave")
    assert "2026年11月1日（日）から2026年11月10日（火）まで（休暇中）" in text_of(page)
    assert re.search(r'name="leave_until" value="2026-11-10"', page.text)
    await desk.http.post("/desk/me/leave", data={"leave_from": "", "leave_until": ""})
    assert (await desk.operator("sk")).leave_from is None
    [_, taken, back] = await desk.audited()
    assert taken == ("sk", "leave_changed", {"leave_from": "2026-11-01", "leave_until": "2026-11-10"})
    assert back == ("sk", "leave_changed", {"leave_from": None, "leave_until": None})


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"leave_from": "2026-11-11", "leave_until": "2026-11-10"}, LEAVE_ENDS_TOO_EARLY),
        ({"leave_from": "", "leave_until": "2026-11-10"}, LEAVE_ENDS_TOO_EARLY),
        ({"leave_from": "11/10", "leave_until": ""}, "年（西暦 4 桁）・月・日の順"),
        ({"leave_from": "2026-02-30", "leave_until": ""}, "2026年2月30日 という日はありません"),
    ],
)
async def test_leave_that_is_wrong_is_refused_beside_its_field_and_stays_typed(
    desk: DeskSite, sent: dict[str, str], said: str
) -> None:
    await desk.sign_in("sk")
    answer = await desk.http.post("/desk/me/leave", data=sent)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert all(f'value="{text}"' in answer.text for text in sent.values() if text)
    assert (await desk.operator("sk")).leave_from is None


async def test_an_administrator_sets_anothers_leave_and_the_audit_says_who(desk: DeskSite) -> None:
    await desk.sign_in("tn")
    await desk.http.post(f"{ADMINISTRATION}/sk/leave", data={"leave_from": "2026-12-01", "leave_until": ""})
    assert (await desk.operator("sk")).leave_from == date(2026, 12, 1)
    refused = await desk.http.post(f"{ADMINISTRATION}/sk/leave", data={"leave_from": "", "leave_until": "2026-12-01"})
    assert LEAVE_ENDS_TOO_EARLY in text_of(refused)


# The Web UI's lists ------------------------------------------------------------------------------------------------


async def test_ones_own_page_leads_to_the_lists_that_the_web_ui_can_keep(desk: DeskSite) -> None:
    """Those that are right on every day, on this very site."""
    await desk.add("ad", Role.ADMINISTRATOR)
    await desk.sign_in("kn")
    asked, kept = QueueFilter(day_in_japan(desk.clock.now())), [each for each in Queue if not each.for_one_day]
    links = [link(desk.url, "default", each, asked, save=True) for each in kept]
    page = html.unescape((await desk.http.get("/desk/me")).text)
    assert [each for each in links if f'href="{each}"' not in page] == []
    assert page.count("savedQuery=") == len(kept) > 5
    await desk.sign_in("ad")  # sees no case
    assert "savedQuery=" not in (await desk.http.get("/desk/me")).text


# Log-ins -----------------------------------------------------------------------------------------------------------


async def test_one_sees_and_ends_ones_own_log_ins_and_nobody_elses(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    async with desk.browser() as other, desk.browser() as anothers:
        other.headers["user-agent"] = "<b>Firefox</b>"
        await desk.sign_in("sk", other)
        await desk.sign_in("tn", anothers)
        page = await desk.http.get("/desk/me")
        assert "（このブラウザー）" in page.text
        assert "&lt;b&gt;Firefox&lt;/b&gt;" in page.text
        [path] = re.findall(r'action="(/desk/me/log-ins/[^"]+/end)"', page.text)
        assert (await desk.http.post(path)).status_code == 303
        assert not await desk.is_in(other)
        [theirs] = await desk.rows(
            select(OperatorSessionRow.session_id).join(OperatorRow).where(OperatorRow.handle == "tn")
        )
        await desk.http.post(f"/desk/me/log-ins/{theirs}/end")
        assert await desk.is_in(anothers)
    assert await desk.is_in()
    assert (await desk.http.post("/desk/me/log-ins/no-number/end")).status_code == 422


async def test_logging_out_ends_this_browsers_log_in_and_everywhere_ends_all(desk: DeskSite) -> None:
    async with desk.browser() as other:
        for browser in (desk.http, other):
            await desk.sign_in("sk", browser)
        token = desk.http.cookies["desk"]
        answer = await desk.http.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
        desk.http.cookies["desk"] = token
        assert not await desk.is_in()
        assert await desk.is_in(other)
        desk.http.cookies.clear()
        await desk.sign_in("sk")
        assert (await desk.http.post("/sign-out-everywhere")).status_code == 303
        assert not await desk.is_in(other)
    assert await desk.rows(select(OperatorSessionRow)) == []


async def test_a_log_in_that_is_over_is_forgotten(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    async with desk.sessions.begin() as session:
        long_ago = desk.clock.now() - timedelta(days=1)
        await session.execute(update(OperatorSessionRow).values(created_at=long_ago, seen_at=long_ago))
    assert not await desk.is_in()
    await desk.app.state.services[DeskContext].access.forget()
    assert await desk.rows(select(OperatorSessionRow)) == []
