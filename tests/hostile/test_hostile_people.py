"""What one person can learn of another, and how often anybody may try: systematically, over the routes there are."""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http.cookies import SimpleCookie
from itertools import product
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from markdown_it import MarkdownIt
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.testing import WorkflowEnvironment

from activities.common.mail_html import html_of
from activities.common.mail_markdown import text_of
from activities.common.mail_templates import mail_templates
from models.tables import BusinessGroupRow, EnquiryRow, ExistingContractRow, OfficeRow
from models.yayoi.combination_ledger import LedgerEntry, as_csv
from tests.hostile.attack import ENQUIRY, NOT_OURS, REGISTRATION, SCRIPT
from tests.hostile.people import NOW, STILL_OPEN, THIEF, VICTIM, Person
from tests.hostile.target import EVIL, Attacker, Target, application, target_on
from tests.support.databases import new_database
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.matrices import mostly_long
from tests.support.pdf_pages import pdf_text
from tests.support.web import CROSS_SITE, browser_on
from web.common.auth.rate_limits import SharedLimit
from web.common.body_limit import MAX_BODY_BYTES
from web.common.problems import SYSTEMS
from web.yayoi.customer.ledger_pdf import as_pdf
from workers import database
from workflows.common.details import cell, table

OPEN_TO_ALL = {"/", "/plan", "/token", "/apply", "/register", "/password", "/sign-in", "/support-password", "/enquiry"}
OPEN_TO_ALL |= {"/name-change", "/healthz", "/readyz", "/support-password/done", "/enquiry/done", "/members/join"}
OPEN_TO_ALL |= {"/guide/group-members", "/guide/use", "/drafts", "/drafts/mailed", "/drafts/resume"}
OPEN_TO_ALL |= {
    "/password/mailed-today",
    "/apply/confirm",
    "/support-password/set",
    "/link-mailed",
    "/problem",
    "/holder/confirm",
    "/holder/end",
    "/holder/links-ended",
}
"""Pages that need no signing in; a page that is new is behind the log-in, or belongs here."""


@pytest_asyncio.fixture(scope="module")
async def target(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Target]:
    async with new_database(postgres_socket, "migrated") as url:
        engine = create_async_engine(url)
        async with target_on(database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal.client) as target:
            yield target
        await engine.dispose()


@pytest_asyncio.fixture
async def attacker(target: Target) -> AsyncIterator[Attacker]:
    await target.forget_tries()
    async with target.attacker() as attacker:
        yield attacker


def routes(target: Target, method: str) -> list[str]:
    """Every path that the app answers with this method, with its parameters unfilled."""
    contexts = iter_route_contexts(target.app.routes)
    return sorted({str(route.path) for route in contexts if method in (route.methods or ())} - {"/openapi.json"})


# --- other people's ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("visitor", "other"), [(THIEF, VICTIM), (VICTIM, THIEF)], ids=["thief", "victim"])
async def test_nobody_signed_in_sees_anything_of_another_customers(
    target: Target, attacker: Attacker, visitor: Person, other: Person
) -> None:
    await attacker.sign_in(visitor.yayoi_id)
    seen = {path: await attacker.http.get(path) for path in routes(target, "GET") if "{" not in path}
    own = [path for path, answer in seen.items() if any(secret in _text(answer) for secret in visitor.secrets)]
    assert {"/ledger", "/ledger.csv", "/ledger.pdf", "/members", "/relink", "/group"} <= {*own, "/group"}
    for path, answer in seen.items():
        for secret in other.secrets:
            assert secret not in _text(answer), f"{path} shows {visitor.name} what is {other.name}'s: {secret}"


async def test_no_key_opens_another_case_or_office(target: Target, attacker: Attacker) -> None:
    """Every page of a case, with each key of another, or of a part of the case: there is no such case."""
    mine, theirs = THIEF, VICTIM
    keys = {person.case_path(office).partition("?")[2] for person, office in product((mine, theirs), (None, 1, 2))}
    places = [path for path in routes(target, "GET") if "{application_no}" in path]
    assert len(places) >= 5
    opened = []
    for place, key, office in product(places, sorted(keys), ("1", "2", "0", "-1")):
        path = place.format(application_no=theirs.application_no, office_no=office) if "{office_no}" in place else place
        path = path.replace("{application_no}", theirs.application_no)
        answer = await attacker.http.get(f"{path}?{key}")
        if answer.status_code in {200, 409}:  # 409: the case says that nothing can be done there now
            opened.append((place, office if "{office_no}" in place else "-", key))
        else:
            assert answer.status_code == 404, (path, answer.status_code)
            assert not any(secret in answer.text for secret in (theirs.name, theirs.office_name, theirs.yayoi_id))
    whole, one = theirs.case_path().partition("?")[2], theirs.case_path(1).partition("?")[2]
    assert all(key in {whole, one} for _, _, key in opened)
    only_office = {f"/{kind}/{{application_no}}/offices/{{office_no}}" for kind in ("applications", "calendars")}
    assert {(place, office) for place, office, key in opened if key == one} == {(place, "1") for place in only_office}
    assert {office for _, office, _ in opened} == {"1", "-"}


async def test_what_is_done_with_another_cases_key_is_not_done(target: Target, attacker: Attacker) -> None:
    key = THIEF.case_path().partition("?")[2]
    office_key = VICTIM.case_path(1).partition("?")[2]
    for place in (path for path in routes(target, "POST") if "{application_no}" in path):
        path = place.format(application_no=VICTIM.application_no, office_no=1)
        for each in (key, "", *([] if path.endswith(("/offices/1/link", "/offices/1/link/end")) else [office_key])):
            answer = await attacker.http.post(f"{path}?{each}", data={"consent": "1", "action": "send"})
            assert answer.status_code == 404, (path, answer.status_code)


async def test_without_a_session_nobody_gets_past_the_sign_in(target: Target, attacker: Attacker) -> None:
    for cookie in ("", "session=made-up", "session=", 'session="\\000"'):
        for path in routes(target, "GET"):
            if "{" in path or path in OPEN_TO_ALL or path.startswith("/myics"):
                continue
            answer = await attacker.http.get(path, headers={"cookie": cookie} if cookie else {})
            assert (answer.status_code, answer.headers.get("location")) == (303, f"/sign-in?next={path}"), path


async def test_no_other_site_s_page_sends_any_form(target: Target, attacker: Attacker) -> None:
    """Whatever pages send, signed in or not; the answer is the same, and comes before anything is read or done."""
    places = [re.sub(r"{\w+}", "1", path) for path in routes(target, "POST") if not path.startswith(SYSTEMS)]
    assert len(places) >= 40
    foreign: tuple[dict[str, str], ...] = (CROSS_SITE, {"origin": f"http://{EVIL}"}, {"origin": "null"}, {})
    for signed_in in (False, True):
        if signed_in:
            await attacker.sign_in()
        for place, said in product(places, foreign):
            answer = await attacker.foreign(place, "", said)
            assert (answer.status_code, NOT_OURS in answer.text) == (403, True), (place, said)
            assert "set-cookie" not in answer.headers
    for place in places:
        assert NOT_OURS not in (await attacker.http.post(place)).text, place


def _text(answer: httpx.Response) -> str:
    """What is to be read in an answer, a PDF's text too."""
    if answer.headers.get("content-type") != "application/pdf":
        return answer.text
    return pdf_text(answer.content)


# --- again and again --------------------------------------------------------------------------------------------------

Tried = Callable[[Attacker, int], Awaitable[httpx.Response]]


async def _code(attacker: Attacker, _: int) -> httpx.Response:
    """Type codes for a check of one's own."""
    if not attacker.place:
        begun = await attacker.form("/register", REGISTRATION)
        attacker.place = begun.headers["location"]
    return await attacker.form(attacker.place, {"code": "000000"}, action=attacker.place)


APPLICATION = {
    "action": "confirm",
    "rows": "1",
    "applicant.family_name": "盗田",
    "applicant.given_name": "次郎",
    "existing_contract_id": "7999999",
    "accounting_link": "false",
    "network_product": "false",
    "offices.0.office_name": "盗田商店",
    "offices.0.yayoi_id": "new@nusumi.example",
    "offices.0.yayoi_id_confirmation": "new@nusumi.example",
}
"""With which nothing is wrong: what is malformed is no try."""
TRIES: dict[str, tuple[int, Tried]] = {
    "sign-in of one account": (10, lambda a, n: a.sign_in(VICTIM.yayoi_id, f"wrong-{n}")),
    "sign-in of one account, written each time otherwise": (
        10,
        lambda a, n: a.sign_in(VICTIM.yayoi_id.replace("h", "hH"[n % 2], 1) + " " * n, f"wrong-{n}"),
    ),
    "sign-in of many accounts": (50, lambda a, n: a.sign_in(f"a{n}@nusumi.example", "wrong-1")),
    "codes": (60, _code),
    "registrations of one address": (6, lambda a, _: a.form("/register", REGISTRATION)),
    "registered addresses": (
        30,
        lambda a, n: a.form(
            "/register", REGISTRATION | dict.fromkeys(("yayoi_id", "yayoi_id_confirmation"), f"r{n}@nusumi.example")
        ),
    ),
    "enquiries": (60, lambda a, _: a.form("/enquiry", ENQUIRY)),
    "numbers that are new ones": (60, lambda a, n: a.form("/name-change", {"contract_id": str(7_000_000 + n)})),
    "confirmations of a form": (60, lambda a, _: a.form("/apply", APPLICATION)),
    "STEP5 passwords of one number": (
        10,
        lambda a, n: a.form("/support-password", {"contract_id": "7111111", "yayoi_id": f"s{n}@nusumi.example"}),
    ),
}


@pytest.mark.parametrize(
    "tried",
    mostly_long(
        TRIES, each_time=["sign-in of one account", "registrations of one address", "STEP5 passwords of one number"]
    ),
)
async def test_whatever_can_be_tried_again_and_again_ends_with_429(
    target: Target, attacker: Attacker, tried: str
) -> None:
    most, send = TRIES[tried]
    for number in range(most):
        answer = await send(attacker, number)
        assert answer.status_code in {200, 303, 422}, (number, answer.text)
    refused = await send(attacker, most)
    assert refused.status_code == 429
    assert "分ほどたってから、もう一度お試しください" in refused.text
    async with target.attacker() as another:
        assert (await another.form("/token", {"office_token": "x"})).status_code == 422


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/applications", application("n@nusumi.example", existing_contract_id="6999999")),
        (
            "/api/events",
            {
                "event_id": "00000000-0000-4000-8000-000000000003",
                "kind": "support_password_set",
                "contract_id": "7999999",
                "yayoi_id": "n@nusumi.example",
            },
        ),
        ("/webhooks/forms", {}),
    ],
)
async def test_what_other_systems_send_in_vain_ends_with_429_too(
    target: Target, attacker: Attacker, path: str, content: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shorter patience: 600 tries say no more than six."""
    shorter = SharedLimit.REFUSED_FROM.value.__class__("refused-from", 6, SharedLimit.REFUSED_FROM.value.window)
    monkeypatch.setattr(SharedLimit.REFUSED_FROM, "_value_", shorter)
    answers = [await attacker.http.post(path, json=content) for _ in range(7)]
    assert {answer.status_code for answer in answers[:6]} <= {401, 404, 422}
    assert answers[6].status_code == 429
    assert answers[6].headers["content-type"] == "application/problem+json"
    async with target.attacker() as another:
        assert (await another.http.post(path, json=content)).status_code in {401, 404, 422}


# --- what is typed and shown elsewhere --------------------------------------------------------------------------------

NAMES = ('=HYPERLINK("https://evil.test")', "+1", "-1", "@SUM(A1)", "\t=1", " =1", SCRIPT, "<b>&amp;</b>", "{{ 7*7 }}")


async def test_names_that_are_formulas_or_markup_stay_names_in_page_csv_and_pdf(attacker: Attacker) -> None:
    await attacker.sign_in()
    for name in NAMES:
        await _rename(attacker.sessions, name)
        page = (await attacker.http.get("/ledger")).text
        assert SCRIPT not in page
        assert "<b>&amp;</b>" not in page
        assert ">49<" not in page
        for line in (await attacker.http.get("/ledger.csv")).content.decode("utf-8-sig").splitlines()[1:]:
            assert not line.lstrip('" ').startswith(("=", "+", "-", "@", "\t")), line
        text = pdf_text((await attacker.http.get("/ledger.pdf")).content).replace(" ", "")
        assert name.strip().replace(" ", "") in text
    await _rename(attacker.sessions, THIEF.group_name)


async def _rename(sessions: async_sessionmaker[AsyncSession], name: str) -> None:
    async with sessions.begin() as session:
        await session.execute(
            update(BusinessGroupRow).where(BusinessGroupRow.name != VICTIM.group_name).values(name=name)
        )
        await session.execute(update(OfficeRow).where(OfficeRow.office_token == THIEF.office_token).values(name=name))


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_that_begins_like_a_formula_is_inert(name: str) -> None:
    rows = as_csv([LedgerEntry(name, name, 1, name, name, name)]).decode("utf-8-sig").splitlines()[1:]
    cells = [cell.strip('"') for cell in rows[0].split(",")]
    assert all(cell.startswith("'") for cell in cells) or name in {SCRIPT, "<b>&amp;</b>", "{{ 7*7 }}"}
    assert as_pdf([LedgerEntry(name, name)], STILL_OPEN).startswith(b"%PDF")


def test_the_pdf_names_a_letter_that_viewers_cannot_show() -> None:
    text = pdf_text(as_pdf([LedgerEntry("6000014", "𠮷﨑 鷗髙")], STILL_OPEN))
    assert "〓﨑" in text
    assert "表示できない文字" in text


def test_what_is_typed_into_mails_brings_no_structure_and_no_header() -> None:
    evil = "x\r\n■偽の見出し\u2028https://evil.test/\x85" + SCRIPT
    row = EnquiryRow(
        receipt_no="Q-000001", contract_id="8222222", name=evil, mail_address="a@b.example", text=evil, received_at=NOW
    )
    contract = ExistingContractRow(customer_name=evil, product_name=evil, mail_address="a@b.example")
    said = {"enquiry": row, "contract": contract, "received": NOW, "desk_page": None}
    markdown = mail_templates().get_template("enquiry.md").render(said)
    assert not re.search(r"^(■偽|https:|<script)", text_of(markdown), re.MULTILINE)
    page = html_of("件名", markdown)
    assert SCRIPT not in page
    assert not re.search(r"<h2[^>]*>偽", page)
    assert "&lt;script&gt;" in page


# --- every answer -----------------------------------------------------------------------------------------------------


async def test_every_answer_has_the_security_headers(attacker: Attacker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("of the test")

    answers = {
        200: await attacker.http.get("/apply"),
        303: await attacker.http.get("/ledger"),
        404: await attacker.http.get("/nothing"),
        405: await attacker.http.delete("/apply"),
        413: await attacker.http.post("/apply", content=b"x" * (MAX_BODY_BYTES + 1)),
        403: await attacker.foreign("/apply", "", CROSS_SITE),
        422: await attacker.form("/token", {}),
        400: await attacker.form("/token", {"token": "\0"}),
    }
    files = [await attacker.http.get("/static/style.css"), await attacker.http.get("/static/nothing")]
    for _ in range(11):
        answers[429] = await attacker.sign_in(VICTIM.yayoi_id, "wrong-1")
    monkeypatch.setattr("web.yayoi.applicant.guide_pages.chosen_procedure", broken)
    answers[500] = await attacker.http.get("/")
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    for answer in (*answers.values(), *files):
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert "unsafe" not in str(policy)
        assert "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert "x-powered-by" not in answer.headers
    assert "of the test" not in answers[500].text
    assert "text/html" in answers[413].headers["content-type"]


async def test_cookies_over_tls_are_of_this_host_alone(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    async with target_on(sessions, temporal.client, people=[THIEF], public_url="https://web.test") as target:
        async with browser_on(target.app, "https://web.test") as http:
            attacker = Attacker(target.app, http, target.sessions)
            assert "set-cookie" not in (await http.get("/sign-in")).headers
            signed_in = await attacker.sign_in()
            out = await http.post("/sign-out")
        for answer, name in ((signed_in, "__Host-session"), (out, "__Host-session")):
            jar: SimpleCookie = SimpleCookie()
            for header in answer.headers.get_list("set-cookie"):
                jar.load(header)
            cookie = jar[name]
            assert (cookie["secure"], cookie["httponly"], cookie["samesite"].lower()) == (True, True, "lax")
            assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert "max-age" in answer.headers["strict-transport-security"]
        # What came without TLS, or was planted by a neighbour under the plain name, is nobody's session.
        token = signed_in.headers["set-cookie"].partition("=")[2].partition(";")[0]
        async with browser_on(target.app) as http:
            plain = await http.get("/ledger", headers={"cookie": f"session={token}"})
        assert plain.status_code == 303


@pytest.mark.parametrize(
    "text",
    [
        *NAMES,
        "[x](javascript:alert(1))",
        "![x](https://evil.test/x.png)",
        "**x** _y_ `z` ~~w~~",
        "a | b\n| c |",
        "<https://evil.test/>",
        "\\[x](https://evil.test)",
        "# x\n- y\n1. z",
    ],
)
def test_what_operators_read_in_the_web_ui_brings_no_markup(text: str) -> None:
    """Current Details are Markdown; what is filled in stays text, within its cell."""
    page = MarkdownIt("commonmark").enable("table").render(table(("項目", "内容"), [("名前", cell(text))]))
    assert re.findall(r"<(\w+)", page) == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    shown = html.unescape(re.findall(r"<td>(.*?)</td>", page)[1])
    assert " ".join(shown.split()) == " ".join(text.replace("&amp;", "&").split())
