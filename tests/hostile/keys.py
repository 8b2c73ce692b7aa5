"""What proves who sends: links, signatures, what browsers say of forms, sessions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx

from tests.hostile.attack import DEAD_LINK, FORGED, NO_CASE, NOT_OURS, Attack, Send, foreign, get, json
from tests.hostile.people import DAY, LONG_AGO, NOW, THIEF, VICTIM
from tests.hostile.target import EVIL, FORM_SECRETS, Attacker, application, as_json
from tests.support.web import WEB

SIX_MINUTES = timedelta(minutes=6)


def links() -> Iterator[Attack]:
    group = "Links: forged, expired, used, other people's"
    whole, one = VICTIM.case_path(), VICTIM.case_path(1)
    key = THIEF.case_path().partition("?")[2]
    no, other = VICTIM.application_no, THIEF.application_no
    for what, path in {
        "no key": f"/applications/{no}",
        "a key of another case": f"/applications/{no}?{key}",
        "a key of another case, for one office": f"/applications/{no}/offices/1?{key}",
        "a made-up key": f"/applications/{no}?until=2999-01-01&key=x",
        "a key with a later day": whole.replace("2999-01-01", "2999-12-31"),
        "a key with a day that is none": whole.replace("2999-01-01", "9999-99-99"),
        "the whole case's key for one office": f"/applications/{no}/offices/1?{whole.partition('?')[2]}",
        "one office's key for the whole case": f"/applications/{no}?{one.partition('?')[2]}",
        "one office's key for another office": one.replace("/offices/1", "/offices/2"),
        "the whole case's key for office 0": f"/applications/{no}/offices/0?{whole.partition('?')[2]}",
        "one office's key on what only the applicant may do": f"{one.replace('?', '/withdraw?')}",
        "letters that are no ASCII as a key": f"/applications/{no}?until=２９９９&key=鍵",
        "a right key of a case that there is not": THIEF.case_path().replace(other, "YS-999999"),
    }.items():
        yield Attack(
            group,
            what,
            f"`GET {path.partition('?')[0].replace(no, '…')}`",
            get(path),
            404,
            NO_CASE,
            VICTIM.secrets[:2],
        )
    for office in (None, 1):
        expired = THIEF.case_path(office, LONG_AGO)
        yield Attack(
            group,
            "a link whose last day has passed",
            f"`GET {expired.partition('?')[0].replace(other, '…')}`",
            get(expired),
            410,
            "リンクの期限が切れています",
            (THIEF.office_name, THIEF.new_contract_id),
        )
    for what, token in {
        "a made-up link": "WyJ4IiwxLDFd.x",
        "a link that was sent again since": VICTIM.invitation(occurrence=0),
        "an expired link": VICTIM.invitation(expires_at=NOW - DAY),
        "letters that are no ASCII": "鍵.鍵.鍵",
        "a changed link": VICTIM.invitation()[:-2] + "AA",
    }.items():
        yield Attack(
            group, what, "`GET /members/join`", get("/members/join", link=token), 404, DEAD_LINK, VICTIM.secrets
        )

    async def join(attacker: Attacker) -> httpx.Response:
        await attacker.sign_in()
        return await attacker.http.post("/members/join", data={"link": VICTIM.invitation()})

    yield Attack(
        group, "somebody else's invitation", "`POST /members/join`", join, 409, "この招待は、すでに終了しています"
    )
    for action in ("again", "withdrawn"):

        async def invitation(attacker: Attacker, action: str = action) -> httpx.Response:
            await attacker.sign_in()
            return await attacker.http.post(f"/members/{VICTIM.invitation_id}/{action}")

        where = f"`POST /members/…/{action}`"
        yield Attack(
            group, "an invitation of another group", where, invitation, 422, "すでに終了しています", VICTIM.secrets
        )
    for path in ("/register", "/password"):
        for unknown in ("00000000-0000-4000-8000-000000000000", "nothing"):
            yield Attack(
                group,
                f"the page of a code that there is not (`{unknown}`)",
                f"`GET {path}/…`",
                get(f"{path}/{unknown}"),
                404,
            )


def signatures() -> Iterator[Attack]:
    group = "Webhook signatures"
    body = as_json(**application("w@nusumi.example"))
    sends: dict[str, tuple[Send, str]] = {
        "no signature": (json("/webhooks/forms", body), "webhook-id"),
        "another secret": (lambda a: a.webhook(body, secret="whsec_" + "eHh4" * 8), FORGED),
        "a changed body": (lambda a: a.webhook(body, signed=b"{}"), FORGED),
        "another id than was signed": (lambda a: a.webhook(body, headers={"webhook-id": "msg_2"}), FORGED),
        "a signature of six minutes ago": (lambda a: a.webhook(body, at=datetime.now(UTC) - SIX_MINUTES), "5 分以上"),
        "a signature of in six minutes": (lambda a: a.webhook(body, at=datetime.now(UTC) + SIX_MINUTES), "5 分以上"),
        "`1e999` as the time": (lambda a: a.webhook(body, headers={"webhook-timestamp": "1e999"}), "5 分以上"),
        "`nan` as the time": (lambda a: a.webhook(body, headers={"webhook-timestamp": "nan"}), "5 分以上"),
        "another version's signature alone": (
            lambda a: a.webhook(body, headers={"webhook-signature": "v2,eHh4"}),
            FORGED,
        ),
        "no UTF-8": (lambda a: a.webhook(b"\xff", signed=b""), FORGED),
        "an id of 300 letters": (lambda a: a.webhook(body, headers={"webhook-id": "x" * 300}), "256 文字以内"),
    }
    for what, (send, expected) in sends.items():
        yield Attack(group, what, "`POST /webhooks/forms`", send, 401, expected)

    async def replayed(attacker: Attacker) -> httpx.Response:
        filled = as_json(**application("replay@nusumi.example"))
        first = await attacker.webhook(filled, webhook_id="msg_replay", secret=FORM_SECRETS[1])
        again = await attacker.webhook(filled, webhook_id="msg_replay", secret=FORM_SECRETS[1])
        assert first.json() == again.json()
        return again

    yield Attack(group, "a signed form, replayed at once", "`POST /webhooks/forms`", replayed, 200, "YS-")

    async def changed(attacker: Attacker) -> httpx.Response:
        filled = application("other@nusumi.example", submission_id=None)
        del filled["submission_id"]
        await attacker.webhook(as_json(**filled), webhook_id="msg_other")
        filled["applicant"] = {"family_name": "別人", "given_name": "次郎"}
        return await attacker.webhook(as_json(**filled), webhook_id="msg_other")

    yield Attack(group, "another form under a used id, signed", "`POST /webhooks/forms`", changed, 409, "別の内容")
    deep = b'{"a":' * 9_000 + b"1" + b"}" * 9_000
    yield Attack(
        group,
        "9,000 nested objects, signed",
        "`POST /webhooks/forms`",
        lambda a: a.webhook(deep, webhook_id="msg_deep"),
        422,
    )


def forms() -> Iterator[Attack]:
    group = "Forged forms (CSRF) and sessions"
    pages = ("/sign-in", "/sign-out", "/register", "/password", "/apply", "/enquiry", "/group", "/relink", "/members")
    for path in pages:
        sent = foreign(path, "yayoi_id=a@evil.test")
        yield Attack(group, "a form of another site, with the session", f"`POST {path}`", sent, 403, NOT_OURS)
    for what, said in {
        "a form of a neighbour of ours": {"sec-fetch-site": "same-site", "origin": "http://evil.web.test"},
        "a form of another site, with our `Origin`": {"sec-fetch-site": "cross-site", "origin": WEB},
        "a `Sec-Fetch-Site` that there is not": {"sec-fetch-site": "same-origin, cross-site", "origin": WEB},
        "another site's `Origin` alone": {"origin": f"http://{EVIL}"},
        "`Origin: null` alone": {"origin": "null"},
        "our `Origin` over TLS, where we are without": {"origin": "https://web.test"},
        "our `Origin` at another port": {"origin": "http://web.test:8080"},
        "an `Origin` that begins like ours": {"origin": f"http://web.test.{EVIL}"},
        "another site's `Origin`, and its name as ours": {"origin": f"http://{EVIL}", "host": EVIL},
        "neither `Sec-Fetch-Site` nor `Origin`": {"referer": f"{WEB}/token"},
    }.items():
        yield Attack(group, what, "`POST /token`", foreign("/token", "office_token=x", **said), 403, NOT_OURS)
    ours = foreign("/token", "office_token=<x>", origin=WEB)
    yield Attack(group, "our `Origin` alone: from our page", "`POST /token`", ours, 422, "使えない文字")

    async def fixed(attacker: Attacker) -> httpx.Response:
        attacker.http.cookies.set("session", "chosen-by-the-attacker", domain="web.test", path="/")
        await attacker.sign_in()
        attacker.http.cookies.clear()
        return await attacker.http.get("/ledger", headers={"cookie": "session=chosen-by-the-attacker"})

    yield Attack(group, "a session chosen before signing in", "`GET /ledger`", fixed, 303, to="/sign-in?next=/ledger")

    async def after(attacker: Attacker) -> httpx.Response:
        await attacker.sign_in()
        cookie = f"session={attacker.http.cookies['session']}"
        await attacker.http.post("/sign-out")
        return await attacker.http.get("/ledger", headers={"cookie": cookie})

    yield Attack(group, "the session after signing out", "`GET /ledger`", after, 303, to="/sign-in?next=/ledger")
