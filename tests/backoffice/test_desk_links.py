"""Sign-in links of the embedded stack: each good once, by a form of ours, while the same `up` runs."""

import asyncio

from sqlalchemy import select

from models.tables import OperatorSignInLinkRow
from tests.support.desk import RUN, DeskSite, desk_on
from tests.support.web import CROSS_SITE, hidden_fields, text_of
from web.backoffice.desk_sign_in import BY_LINK_ONLY
from web.common.auth.sign_in_links import NOT_GOOD


async def test_a_link_logs_in_whom_it_is_for_and_the_audit_says_by_link(desk: DeskSite) -> None:
    link = await desk.link("sk")
    page = await desk.http.get(link)
    assert "佐藤さんとしてログインする" in text_of(page)
    assert not await desk.is_in()  # whoever opens it by chance, such as a preview, is not logged in
    answer = await desk.http.post("/sign-in/link", data=hidden_fields(page))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert "佐藤さん" in text_of(await desk.http.get("/desk"))
    assert await desk.audited() == [("sk", "signed_in", {"how": "link"})]


async def test_a_link_is_good_once_also_when_two_use_it_in_the_same_moment(desk: DeskSite) -> None:
    link = await desk.link("sk")
    key = {"key": link.partition("key=")[2]}
    async with desk.browser() as one, desk.browser() as other:
        answers = await asyncio.gather(*(each.post("/sign-in/link", data=key) for each in (one, other)))
        assert sorted(answer.status_code for answer in answers) == [303, 410]
        assert sorted([await desk.is_in(one), await desk.is_in(other)]) == [False, True]
    for again in (await desk.http.get(link), await desk.http.post("/sign-in/link", data=key)):
        assert again.status_code == 410
        assert NOT_GOOD in text_of(again)


async def test_links_and_log_ins_end_with_the_run_of_up_that_they_are_of(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    link = await desk.link("sk")
    async with desk_on(desk.sessions, run="the next run") as later:
        assert (await later.http.get(link)).status_code == 410
        later.http.cookies = desk.http.cookies
        assert not await later.is_in()
    assert await desk.is_in()
    assert (await desk.http.get(link)).status_code == 200


async def test_a_link_that_another_site_sends_is_refused_and_stays_good(desk: DeskSite) -> None:
    """Log-in CSRF: somebody logs another's browser in as themselves."""
    link = await desk.link("sk")
    answer = await desk.http.post("/sign-in/link", data={"key": link.partition("key=")[2]}, headers=CROSS_SITE)
    assert answer.status_code == 403
    assert (await desk.http.get(link)).status_code == 200


async def test_made_up_links_and_those_of_who_has_left_are_refused(desk: DeskSite) -> None:
    link = await desk.link("sk")
    await desk.change("sk", removed_at=desk.clock.now())
    for key in (link.partition("key=")[2], "", "made-up", "あ" * 3000, "x" * 3000):
        assert (await desk.http.get("/sign-in/link", params={"key": key})).status_code == 410
        assert (await desk.http.post("/sign-in/link", data={"key": key})).status_code == 410
    assert not await desk.is_in()


async def test_only_the_hash_of_a_link_is_stored_and_its_secret_is_in_the_query(desk: DeskSite) -> None:
    path, _, secret = (await desk.link("sk")).partition("?key=")
    [row] = await desk.rows(select(OperatorSignInLinkRow))
    assert (path, row.run) == ("/sign-in/link", RUN)
    assert secret not in str(vars(row))


async def test_without_a_provider_the_log_in_page_says_how_to_make_a_link(desk: DeskSite) -> None:
    page = text_of(await desk.http.get("/sign-in"))
    assert "tetsuzuki operators link" in page
    for path in ("/sign-in/openid", "/sign-in/callback?code=1&state=2"):
        answer = await desk.http.get(path)
        assert answer.status_code == 404
        assert BY_LINK_ONLY in text_of(answer)
    assert (await desk.http.post("/api/back-channel-logout", data={"logout_token": "x"})).status_code == 400
