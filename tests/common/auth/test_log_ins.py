"""Who is signed in sees where, and ends all of it at once; another account's log-ins stay as they are."""

from http import HTTPStatus

from tests.support.web import Web, elsewhere

HANAKO, OTHER = "b@example.co.jp", "c@example.co.jp"


async def test_a_customer_sees_each_browser_and_ends_all_log_ins(web: Web) -> None:
    assert (await web.http.get("/log-ins")).headers["location"] == "/sign-in?next=/log-ins"
    async with elsewhere(web.http) as phone, elsewhere(web.http) as somebody:
        web.http.headers["user-agent"], phone.headers["user-agent"] = "the browser at work", "<b>a phone</b>"
        await web.sign_in(HANAKO)
        await web.sign_in(HANAKO, http=phone)
        await web.sign_in(OTHER, http=somebody)
        page = (await web.http.get("/log-ins")).text
        assert page.count("のログイン") - page.count("のログイン（このブラウザー）") >= 1
        assert page.count("（このブラウザー）") == 1
        assert "the browser at work" in page
        assert "&lt;b&gt;a phone&lt;/b&gt;" in page
        assert page.count("最後の操作：") == 2
        ended = await web.http.post("/log-ins/end")
        assert (ended.status_code, ended.headers["location"]) == (HTTPStatus.SEE_OTHER, "/sign-in")
        for browser in (web.http, phone):
            assert (await browser.get("/log-ins")).status_code == HTTPStatus.SEE_OTHER
        assert (await somebody.get("/log-ins")).status_code == HTTPStatus.OK
