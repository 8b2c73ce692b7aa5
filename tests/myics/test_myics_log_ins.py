"""Whoever is logged in to MYICS sees where, and ends all of it at once."""

from http import HTTPStatus

from tests.support.myics_site import MyicsSite


async def test_a_user_sees_each_browser_and_ends_all_log_ins(site: MyicsSite) -> None:
    await site.myics.firm()
    async with site.browser() as one, site.browser("198.51.100.7") as other:
        assert (await one.get("/myics/log-ins")).headers["location"] == "/myics/sign-in?next=/myics/log-ins"
        await one.sign_in()
        await other.sign_in()
        assert (await one.get("/myics/log-ins")).text.count("最後の操作：") == 2
        assert (await other.web.http.post("/myics/log-ins/end")).status_code == HTTPStatus.SEE_OTHER
        for browser in (one, other):
            assert (await browser.get("/myics/log-ins")).status_code == HTTPStatus.SEE_OTHER
