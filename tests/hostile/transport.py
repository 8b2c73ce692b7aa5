"""How it is sent: paths, methods, content types, redirects, hosts."""

from collections.abc import Awaitable, Iterator

import httpx

from tests.hostile.attack import (
    FORM,
    JSON,
    NO_PAGE,
    NOT_OURS,
    RETURNED,
    UNREADABLE,
    Attack,
    Send,
    foreign,
    json,
)
from tests.hostile.people import THIEF, VICTIM
from tests.hostile.target import EVIL, Attacker, application, as_json
from tests.support.web import PASSWORD


def paths() -> Iterator[Attack]:
    group = "Path tricks"
    for path in (
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static/....//app.py",
        "/static/%5c..%5capp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/style.css%00.html",
        "/.git/config",
        "/.env",
        "/%00",
        "/register/%00",
        "/register/..%2fledger",
        "/applications/%2e%2e/members",
        f"/applications/{VICTIM.application_no}%2foffices%2f1",
    ):

        def send(attacker: Attacker, path: str = path) -> Awaitable[httpx.Response]:
            return attacker.raw(path)

        never = ("[project]", "create_app", "root:")
        if path.endswith("offices%2f1"):  # it is the page of an office, for whoever signs in
            there = f"/sign-in?next=/applications/{VICTIM.application_no}%252foffices%252f1"
            yield Attack(group, "the path", f"`GET {path}`", send, 303, "", never, there)
        else:
            yield Attack(group, "the path", f"`GET {path}`", send, 404, NO_PAGE, never)


def kinds() -> Iterator[Attack]:
    group = "Methods and content types"
    for method in ("HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "FOO"):
        for path in ("/apply", "/api/applications", "/webhooks/forms"):
            if (method, path) == ("HEAD", "/apply"):  # it is answered as GET is
                continue

            def send(attacker: Attacker, method: str = method, path: str = path) -> Awaitable[httpx.Response]:
                return attacker.raw(path, method=method)

            expected = "" if method == "HEAD" else "URL と送信方法を確認してください"
            yield Attack(group, f"`{method}`", f"`{path}`", send, 405, expected)
    for path in (*JSON, "/webhooks/forms"):
        kind = "Content-Type に application/json を付けて"
        right = as_json(**application("kind@nusumi.example"))
        yield Attack(group, "right JSON as `text/plain`", f"`POST {path}`", json(path, right, "text/plain"), 415, kind)
        yield Attack(group, "a form", f"`POST {path}`", json(path, b"kind=x", FORM["content-type"]), 415, kind)
    kind = "Content-Type に application/json か message/rfc822 を付けて"
    yield Attack(group, "a form", f"`POST {RETURNED}`", json(RETURNED, b"kind=x", FORM["content-type"]), 415, kind)
    yield Attack(
        group, "JSON of another site", "`POST /sign-in`", foreign("/sign-in", "{}", "application/json"), 403, NOT_OURS
    )
    upload = json("/token", b"--x\r\n", "multipart/form-data; boundary=x")
    yield Attack(group, "a file", "`POST /token`", upload, 400, UNREADABLE)


def redirects() -> Iterator[Attack]:
    group = "Open redirects"
    for there in (
        "//evil.test",
        "///evil.test",
        "https://evil.test/",
        "/\\evil.test",
        "/\t/evil.test",
        "javascript:x",
        "//[",
    ):

        async def send(attacker: Attacker, there: str = there) -> httpx.Response:
            typed = {"yayoi_id": THIEF.yayoi_id, "password": PASSWORD, "next": there}
            return await attacker.http.post("/sign-in", data=typed)

        yield Attack(group, f"`next={there!r}`".replace("'", ""), "`POST /sign-in`", send, 303, to="/")


def hosts() -> Iterator[Attack]:
    group = "Poisoned `Host`"
    host = {"host": EVIL, "x-forwarded-host": EVIL, "forwarded": f"host={EVIL}"}

    def asked(path: str, name: str = EVIL) -> Send:
        return lambda attacker: attacker.http.get(path, headers=host | {"host": name})

    for path in ("/apply/", "/static", "/ledger/"):
        yield Attack(
            group, "another site's name, a path with a slash more or less", f"`GET {path}`", asked(path), 404, NO_PAGE
        )
    yield Attack(group, "another site's name", "`GET /ledger`", asked("/ledger"), 303, to="/sign-in?next=/ledger")
    for name in ("[evil", "evil/api/?x", ""):
        yield Attack(group, f"`{name}`", "`GET /ledger`", asked("/ledger", name), 303, to="/sign-in?next=/ledger")
        yield Attack(group, f"`{name}`", "`GET /nothing`", asked("/nothing", name), 404, NO_PAGE)

    async def applied(attacker: Attacker) -> httpx.Response:
        filled = application("host@nusumi.example")
        answer = await attacker.http.post("/api/applications", json=filled, headers=host)
        assert answer.json()["status_url"].startswith("http://web.test/applications/")
        return answer

    yield Attack(group, "another site's name", "`POST /api/applications`", applied, 202, "http://web.test/", (EVIL,))
