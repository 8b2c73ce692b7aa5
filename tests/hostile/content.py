"""What is in the fields: markup, sizes, encodings."""

from collections.abc import Awaitable, Iterator

import httpx

from tests.hostile.attack import (
    DEAD_LINK,
    ENQUIRY,
    FORM,
    JSON,
    NO_CASE,
    NOT_JSON,
    NOT_OURS,
    REGISTRATION,
    RETURNED,
    SCRIPT,
    UNREADABLE,
    Attack,
    Send,
    foreign,
    form,
    get,
    json,
)
from tests.hostile.people import THIEF
from tests.hostile.target import Attacker, application, as_json


def markup() -> Iterator[Attack]:
    group = "Markup and template syntax"
    wide = "全角で入力してください"
    for text in (SCRIPT, "{{ 7*7 }}", "[x](https://evil.test)", "**x**|_x_"):
        sent = {"family_name": text}
        yield Attack(
            group, f"`{text}` as a name", "`POST /register`", form("/register", REGISTRATION | sent), 422, wide
        )
        filled = application("m@nusumi.example", applicant={"family_name": text, "given_name": "次郎"})
        yield Attack(
            group, f"`{text}` as a name", "`POST /api/applications`", json(JSON[0], as_json(**filled)), 422, wide
        )
    for path, query, expected in (
        ("/sign-in", {"next": f'/"><{SCRIPT[1:]}'}, "ログイン"),
        ("/apply", {"draft": f'"><{SCRIPT[1:]}'}, "保存された内容は見つかりません"),
        ("/members/join", {"link": SCRIPT}, DEAD_LINK),
    ):
        [(name, text)] = query.items()
        status = 200 if path == "/sign-in" else 404
        where = f"`GET {path}?{name}=`"
        yield Attack(group, f"`{text}` in the address", where, get(path, **query), status, expected, (SCRIPT,))
    enquiry = ENQUIRY | {"name": "x" * 101, "text": SCRIPT}
    yield Attack(
        group,
        "markup, shown again beside an error",
        "`POST /enquiry`",
        form("/enquiry", enquiry),
        422,
        "&lt;script",
        (SCRIPT,),
    )
    typed = {"yayoi_id": f'"{SCRIPT}', "password": SCRIPT}
    yield Attack(
        group,
        "markup as Yayoi ID and password",
        "`POST /sign-in`",
        form("/sign-in", typed),
        422,
        "違います",
        (SCRIPT,),
    )
    yield Attack(
        group,
        "markup as a token",
        "`POST /token`",
        form("/token", {"office_token": SCRIPT}),
        422,
        "使えない文字",
        (SCRIPT,),
    )


def sizes() -> Iterator[Attack]:
    group = "Sizes and shapes"
    for path in (*JSON, "/webhooks/forms"):
        yield Attack(
            group, "70 KB of JSON", f"`POST {path}`", json(path, b'{"a":"' + b"x" * 70_000 + b'"}'), 413, "64 KB 以内"
        )
    yield Attack(
        group, "70 KB in a form", "`POST /enquiry`", form("/enquiry", ENQUIRY, text="x" * 70_000), 413, "64 KB 以内"
    )
    many = "&".join(f"a{number}=1" for number in range(700))
    yield Attack(
        group,
        "700 fields",
        "`POST /token`",
        json("/token", many, "application/x-www-form-urlencoded"),
        400,
        UNREADABLE,
    )
    yield Attack(
        group,
        "3 MB of a returned mail",
        f"`POST {RETURNED}`",
        json(RETURNED, b"x" * 3_000_000, "message/rfc822"),
        413,
        "1953 KB 以内",
    )
    for path in (*JSON, RETURNED):
        yield Attack(group, "30,000 nested lists", f"`POST {path}`", json(path, "[" * 30_000), 422, NOT_JSON)
        deep = '{"a":' * 9_000 + "1" + "}" * 9_000
        yield Attack(group, "9,000 nested objects", f"`POST {path}`", json(path, deep), 422)
        yield Attack(group, "a number of 5,000 digits", f"`POST {path}`", json(path, '{"a":' + "9" * 5_000 + "}"), 422)
        yield Attack(group, "`NaN`", f"`POST {path}`", json(path, '{"yayoi_id":NaN,"kind":NaN}'), 422)
    offices = [{"yayoi_id": f"x{n}@nusumi.example", "yayoi_id_confirmation": f"x{n}@nusumi.example"} for n in range(21)]
    filled = application("x@nusumi.example", offices=offices)
    yield Attack(group, "21 pairs", "`POST /api/applications`", json(JSON[0], as_json(**filled)), 422, "20 件まで")
    for name, value, expected in (
        ("yayoi_id", "x" * 3_900, "メールアドレスの形式"),
        ("family_name", "弥" * 31, "30 文字以内"),
        ("password", "a" * 3_900, "8～64 文字"),
    ):
        sent = REGISTRATION | {name: value}
        yield Attack(
            group, f"{len(value)} letters in `{name}`", "`POST /register`", form("/register", sent), 422, expected
        )
    enquiry = form("/enquiry", ENQUIRY, text="x" * 3_000)
    yield Attack(group, "3,000 letters of enquiry", "`POST /enquiry`", enquiry, 422, "2000 文字以内")
    rows = form("/apply", {"rows": "9" * 5_000, "action": "add"})
    yield Attack(group, "5,000 digits as the number of rows", "`POST /apply`", rows, 200, "3 件目")
    yield Attack(
        group, "60,000 letters of `next`", "`GET /sign-in`", get("/sign-in", next="/" + "x" * 60_000), 200, "ログイン"
    )
    yield Attack(
        group, "an office number of 20 digits", "`GET /applications/…/offices/…`",
        get(f"/applications/{THIEF.application_no}/offices/{10**20}", until="2999-01-01", key="x"), 404, NO_CASE,
    )  # fmt: skip
    for day in ("9999-12-31", "0001-01-01"):
        event = as_json(
            event_id="00000000-0000-4000-8000-000000000001",
            kind="service_relinked",
            contract_id=THIEF.new_contract_id,
            service_kind="bank_account",
            service=THIEF.service,
            relinked_on=day,
        )
        yield Attack(
            group, f"`{day}` as a day", "`POST /api/events`", json("/api/events", event), 422, "年を確認してください"
        )
    yield Attack(
        group,
        "a year of 3,999 digits",
        "`POST /relink`",
        _relink("9" * 3_990 + "-01-01"),
        422,
        "日付を入力してください",
    )


def _relink(day: str) -> Send:
    async def send(attacker: Attacker) -> httpx.Response:
        await attacker.sign_in()
        link = {"service_kind": "bank_account", "service": THIEF.service, "relinked_on": day}
        return await attacker.form("/relink", link)

    return send


def encodings() -> Iterator[Attack]:
    group = "Encodings and characters"
    for path in (*JSON, RETURNED):
        yield Attack(
            group, "JSON in Shift_JIS", f"`POST {path}`", json(path, '{"a":"弥生"}'.encode("shift_jis")), 422, NOT_JSON
        )
        yield Attack(group, "broken UTF-8", f"`POST {path}`", json(path, b'{"a":"\xff\xc0\x80"}'), 422, NOT_JSON)
    names = {
        "NUL": "\\u0000",
        "half of a character (U+D800)": "\\ud800",
        "U+FFFD": "\\ufffd",
        "a bidi override (U+202E)": "弥\\u202e生",
        "a line break": "弥\\n生",
    }
    for what, text in names.items():
        filled = as_json(**application("e@nusumi.example", applicant={"family_name": "XX", "given_name": "次郎"}))
        content = filled.decode().replace("XX", text)
        yield Attack(
            group, f"{what} in a name", "`POST /api/applications`", json(JSON[0], content), 422, "使えない文字"
        )
        event = as_json(
            event_id="00000000-0000-4000-8000-000000000002",
            kind="business_group_created",
            yayoi_id=THIEF.yayoi_id,
            group_name="XX",
        )
        content = event.decode().replace("XX", text)
        refusal = "確認してください" if "d800" in text else "使えない文字"
        yield Attack(group, f"{what} in a group's name", "`POST /api/events`", json(JSON[1], content), 422, refusal)
    for name in ENQUIRY:
        sent = form("/enquiry", ENQUIRY | {name: f"{ENQUIRY[name]}\0"})
        yield Attack(group, f"NUL in `{name}`", "`POST /enquiry`", sent, 400, UNREADABLE)
    for charset in ("undefined", "unicode_escape", "punycode", "utf-16", "utf-8"):

        def parts(attacker: Attacker, charset: str = charset) -> Awaitable[httpx.Response]:
            return attacker.multipart("/sign-in", {"yayoi_id": rb"\ud800", "password": rb"\ud800"}, charset)

        yield Attack(group, f"a form in parts, as `charset={charset}`", "`POST /sign-in`", parts, 400, UNREADABLE)
    broken = b"yayoi_id=%ff%fe&password=%c0%80"
    sent = json("/sign-in", broken, FORM["content-type"])
    yield Attack(group, "broken UTF-8 in a form", "`POST /sign-in`", sent, 422, "違います")
    sent = foreign("/sign-in", broken)
    yield Attack(group, "broken UTF-8 in a form of another site", "`POST /sign-in`", sent, 403, NOT_OURS)
    for what, address in {
        "a line break and `Bcc:`": "a@nusumi.example\r\nBcc: b@evil.test",
        "two addresses": "a@nusumi.example,b@evil.test",
        "a name with an address": "a <a@nusumi.example>",
        "an encoded word": "=?utf-8?q?a=40evil.test?=",
        "a domain in Cyrillic": "a@уahoo.example",
    }.items():
        for path, fields in (("/enquiry", ENQUIRY), ("/register", REGISTRATION)):
            name = "mail_address" if path == "/enquiry" else "yayoi_id"
            yield Attack(
                group, f"{what} as mail address", f"`POST {path}`", form(path, fields | {name: address}), 422,
                "メールアドレスの形式",
            )  # fmt: skip
    sent = form("/enquiry", ENQUIRY, name="盗田\r\nBcc: b@evil.test")
    yield Attack(group, "a line break and `Bcc:` in a name", "`POST /enquiry`", sent, 422, "使えない文字")
