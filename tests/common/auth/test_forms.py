"""Which forms are ours: a browser says of each where it comes from."""

from http import HTTPStatus

import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from tests.support.auth_app import HANAKO, PASSWORD, AuthApp
from tests.support.web import CROSS_SITE, browser_on
from web.common.auth.access import MAX_FIELDS, UNREADABLE_FORM
from web.common.auth.csrf import FOREIGN_FORM, Csrf


async def test_a_form_that_was_shown_is_taken_also_from_whoever_is_not_signed_in(auth_app: AuthApp) -> None:
    assert (await auth_app.send_form("one")).text == "taken"
    await auth_app.sign_in()
    assert (await auth_app.send_form("two")).text == "taken"
    assert auth_app.taken == ["one", "two"]


@pytest.mark.parametrize(
    "said",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "null"},  # a browser that names no page names no origin
        {"sec-fetch-site": "none"},  # sent again by the visitor
        {"origin": "http://web.test"},  # without TLS, or before 2023
    ],
)
async def test_a_form_of_our_own_pages_is_taken(auth_app: AuthApp, said: dict[str, str]) -> None:
    assert (await auth_app.send_form("one", said=said)).text == "taken"
    assert auth_app.taken == ["one"]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"cookie": "session=mine", "referer": "http://web.test/form"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://web.test"},
        {"sec-fetch-site": "x", "origin": "http://web.test"},
        {"sec-fetch-site": "Same-Origin"},
        {"origin": ""},
        {"origin": "null"},
        {"origin": "https://web.test"},
        {"origin": "http://web.test:8080"},
        {"origin": "http://web.test.evil.test"},
        {"origin": "http://evil.test/http://web.test"},
        {"origin": "http://evil.test", "host": "evil.test"},
        {"origin": "http://web.test, http://evil.test"},
        {"origin": "." * 3000},
    ],
)
async def test_a_form_of_whatever_else_is_refused_with_what_to_do(auth_app: AuthApp, said: dict[str, str]) -> None:
    answer = await auth_app.send_form("one", said=said)
    assert answer.status_code == 403
    assert FOREIGN_FORM in answer.text
    assert "フォームをもう一度開いて" in answer.text
    assert auth_app.taken == []


async def test_nobody_is_signed_in_or_out_by_another_site(auth_app: AuthApp) -> None:
    typed = {"yayoi_id": HANAKO, "password": PASSWORD}
    assert (await auth_app.http.post("/sign-in", data=typed, headers=CROSS_SITE)).status_code == 403
    assert "session" not in auth_app.http.cookies
    await auth_app.sign_in()
    assert (await auth_app.http.post("/sign-out", headers=CROSS_SITE)).status_code == 403
    assert await auth_app.whoami() == HANAKO


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("https://web.test", "https://web.test"),
        ("https://WEB.test/", "https://web.test"),
        ("https://web.test:443/somewhere", "https://web.test"),
        ("http://web.test:80", "http://web.test"),
        ("https://web.test:8443", "https://web.test:8443"),
        ("https://手続き.example/", "https://xn--w8j181mier.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
async def test_our_origin_is_the_public_url_as_browsers_write_it(public_url: str, origin: str) -> None:
    app = FastAPI()
    app.add_middleware(Csrf, answer=lambda *_: Response(status_code=HTTPStatus.FORBIDDEN), public_url=public_url)
    async with browser_on(app) as http:
        del http.headers["sec-fetch-site"]
        for named, status in ((origin, 404), (origin + "0", 403), ("https://evil.test", 403)):
            assert (await http.post("/", headers={"origin": named})).status_code == status


@pytest.mark.parametrize("path", ["/api/nothing", "/webhooks/nothing"])
async def test_systems_prove_themselves_otherwise(auth_app: AuthApp, path: str) -> None:
    assert (await auth_app.http.post(path, headers=CROSS_SITE)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/api", "/webhooks", "/form/api/", "/static/x", "//api/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_every_other_path_is_for_our_own_pages(auth_app: AuthApp, path: str, method: str) -> None:
    url = f"http://web.test{path}"
    http = auth_app.http
    assert (await http.shown(await http.request(method, url, headers=CROSS_SITE))).status_code == 403
    assert (await http.shown(await http.request(method, url))).status_code == 404


async def test_a_method_that_no_page_knows_changes_nothing_from_wherever_it_comes(auth_app: AuthApp) -> None:
    assert (await auth_app.http.request("FOO", "/form", headers=CROSS_SITE)).status_code == 405
    assert auth_app.taken == []


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/x-www-form-urlencoded", b"what=%ff"),
        ("application/json", b'{"what": "x"}'),
        ("text/plain", b"what=x"),
        ("multipart/form-data", b"x"),
    ],
)
async def test_whatever_another_site_sends_is_refused(auth_app: AuthApp, content_type: str, content: bytes) -> None:
    headers = {"content-type": content_type} | CROSS_SITE
    answer = await auth_app.http.post("/form", content=content, headers=headers)
    assert answer.status_code == 403
    assert FOREIGN_FORM in answer.text
    assert auth_app.taken == []


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b"x"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="what"; filename="a"\r\n\r\n',
        ),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS + 1))),
    ],
)
async def test_what_is_no_form_of_ours_cannot_be_read(auth_app: AuthApp, content_type: str, content: bytes) -> None:
    answer = await auth_app.http.post("/form", content=content, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert UNREADABLE_FORM in answer.text
    assert auth_app.taken == []


async def test_pages_that_are_only_read_may_be_come_to_from_anywhere(auth_app: AuthApp) -> None:
    assert (await auth_app.http.get("/form", headers=CROSS_SITE)).status_code == 200
    assert (
        await auth_app.http.head("/form", headers=CROSS_SITE)
    ).status_code == 405  # no such page; not refused for that
