"""Logging in at an OpenID provider: who gets in, who does not whatever the token says, and how it ends."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import select

from models.common.operators import Role
from models.tables import OperatorRow, OperatorSessionRow
from tests.support.desk import DeskSite, desk_on
from tests.support.openid_provider import CLIENT_ID, SmallProvider, shared_secret_key
from tests.support.web import text_of
from web.backoffice.desk_sign_in import BACK_CHANNEL, NO_LINKS, UNKNOWN
from web.common.auth.openid import (
    AWAY,
    BACK_CHANNEL_LOGOUT,
    BROKEN_OFF,
    CANCELLED,
    NOT_VERIFIED,
    SECOND_FACTOR,
    OpenIdSettings,
)
from web.common.trusted_authorities import trusted_authorities

OTHER_ISSUER = "https://another-provider.example.com"


async def test_an_operator_logs_in_with_pkce_state_and_nonce_and_comes_where_they_wanted_to(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    first = await desk.http.get("/desk/operators", params={"done": "saved"})
    assert first.status_code == 303
    there = parse_qs(urlsplit(first.headers["location"]).query)["next"][0]
    assert there == "/desk/operators?done=saved"
    answer = await desk.signs_in_at(provider, there)
    assert (answer.status_code, answer.headers["location"]) == (303, there)
    [asked] = provider.asked
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid"
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    page = await desk.http.get("/desk")
    assert "佐藤さん" in text_of(page)
    assert await desk.audited() == [("sk", "signed_in", {"how": "openid"})]


@pytest.mark.parametrize(
    "there", ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", ""]
)
async def test_nobody_is_sent_to_another_site(desk_at_provider: DeskSite, provider: SmallProvider, there: str) -> None:
    answer = await desk_at_provider.signs_in_at(provider, there)
    assert answer.headers["location"] == "/desk"


async def test_the_cookie_is_stored_as_a_hash_and_is_new_at_each_log_in(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    await desk.signs_in_at(provider)
    first = desk.http.cookies["desk"]
    [row] = await desk.rows(select(OperatorSessionRow))
    assert first not in str(vars(row))
    await desk.signs_in_at(provider)
    assert desk.http.cookies["desk"] != first
    old = desk.browser()
    old.cookies["desk"] = first
    assert not await desk.is_in(old)
    assert await desk.is_in()


async def test_over_tls_every_cookie_belongs_to_this_host_alone(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    async with desk_on(desk_at_provider.sessions, provider.settings, url="https://desk.test") as desk:
        away = await desk.http.get("/sign-in/openid")
        answer = await desk.signs_in_at(provider)
    cookies = [cookie for each in (away, answer) for cookie in each.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-desk", "__Host-desk-sign-in"}
    assert all({"secure", "httponly", "samesite=lax", "path=/"} <= attributes(cookie) for cookie in cookies)


def attributes(cookie: str) -> set[str]:
    return {each.strip().lower() for each in cookie.split(";")[1:]}


NOW = int(time.time())
WRONG_TOKENS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "that of another log-in"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": OTHER_ISSUER},
    "no issuer": {"iss": None},
    "another client's": {"aud": "another client"},
    "another client's, by ours": {"aud": "another client", "azp": CLIENT_ID},
    "by another client": {"azp": "another client"},
    "no audience": {"aud": None},
    "expired": {"exp": NOW - 3600},
    "no end": {"exp": None},
    "of tomorrow": {"iat": NOW + 86_400},
    "not yet good": {"nbf": NOW + 86_400},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number for a subject": {"sub": 7},
    "another access token's": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("claims", WRONG_TOKENS.values(), ids=WRONG_TOKENS)
async def test_a_token_that_is_wrong_lets_nobody_in(
    desk_at_provider: DeskSite, provider: SmallProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    answer = await desk_at_provider.signs_in_at(provider)
    assert answer.status_code == 403
    assert NOT_VERIFIED in text_of(answer)
    assert not await desk_at_provider.is_in()
    assert await desk_at_provider.rows(select(OperatorSessionRow)) == []


@pytest.mark.parametrize("how", ["another key", "the client's secret", "none"])
async def test_a_token_that_the_provider_has_not_signed_lets_nobody_in(
    desk_at_provider: DeskSite, provider: SmallProvider, how: str
) -> None:
    if how == "another key":
        provider.signing_key = RSAKey.generate_key(2048)
    else:
        provider.signing_key = shared_secret_key()
        provider.algorithm = "none" if how == "none" else "HS256"
    answer = await desk_at_provider.signs_in_at(provider)
    assert answer.status_code == 403
    assert NOT_VERIFIED in text_of(answer)
    assert not await desk_at_provider.is_in()


async def test_a_provider_that_changes_its_key_is_asked_for_the_new_one(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.signs_in_at(provider)
    provider.change_key("second")
    assert (await desk_at_provider.signs_in_at(provider)).status_code == 303
    assert provider.keys_read == 2


@pytest.mark.parametrize(
    ("user", "claims"),
    [("a stranger", {}), ("a stranger", {"email": "sk@back-office.example.jp", "email_verified": True})],
    ids=["unknown", "with an operator's mail address"],
)
async def test_whom_the_table_does_not_know_gets_a_page_and_no_account(
    desk_at_provider: DeskSite, provider: SmallProvider, user: str, claims: dict[str, Any]
) -> None:
    provider.subject, provider.claims = user, claims
    before = len(await desk_at_provider.rows(select(OperatorRow)))
    answer = await desk_at_provider.signs_in_at(provider)
    assert answer.status_code == 403
    for said in (UNKNOWN, user, provider.issuer):
        assert said in text_of(answer)
    assert "desk" not in desk_at_provider.http.cookies
    assert len(await desk_at_provider.rows(select(OperatorRow))) == before
    assert await desk_at_provider.audited() == []


async def test_the_same_subject_of_another_provider_is_somebody_else(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.known_as("tn", OTHER_ISSUER, "subject-of-tn")
    provider.subject = "subject-of-tn"
    assert (await desk_at_provider.signs_in_at(provider)).status_code == 403


async def test_an_answer_that_this_browser_has_not_asked_for_is_refused(desk_at_provider: DeskSite) -> None:
    """Log-in CSRF: somebody lets another's browser finish their own log-in."""
    away = await desk_at_provider.http.get("/sign-in/openid")
    async with httpx.AsyncClient(verify=trusted_authorities()) as elsewhere:
        back = urlsplit((await elsewhere.get(away.headers["location"])).headers["location"])
    victim = desk_at_provider.browser()
    answer = await victim.get(f"{back.path}?{back.query}")
    assert answer.status_code == 400
    assert BROKEN_OFF in text_of(answer)
    assert not await desk_at_provider.is_in(victim)
    once = await desk_at_provider.http.get(f"{back.path}?{back.query}")
    again = await desk_at_provider.http.get(f"{back.path}?{back.query}")
    assert (once.status_code, again.status_code) == (303, 400)


async def test_an_answer_of_another_provider_is_refused(desk_at_provider: DeskSite, provider: SmallProvider) -> None:
    provider.answer = {"code": "theirs", "iss": OTHER_ISSUER}
    answer = await desk_at_provider.signs_in_at(provider)
    assert answer.status_code == 403
    assert NOT_VERIFIED in text_of(answer)


async def test_who_breaks_off_at_the_provider_is_shown_the_way_back(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    provider.answer = {"error": "access_denied", "error_description": "<script>alert(1)</script>"}
    answer = await desk_at_provider.signs_in_at(provider)
    assert answer.status_code == 403
    assert CANCELLED in text_of(answer)
    assert "script" not in answer.text
    assert 'href="/desk"' in answer.text


async def test_a_provider_that_is_away_is_tried_again_later(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    provider.down = True
    answer = await desk_at_provider.http.get("/sign-in/openid")
    assert answer.status_code == 503
    assert AWAY in text_of(answer)
    provider.down = False
    assert (await desk_at_provider.signs_in_at(provider)).status_code == 303


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    provider.metadata = {"issuer": OTHER_ISSUER}
    answer = await desk_at_provider.http.get("/sign-in/openid")
    assert answer.status_code == 503
    assert NOT_VERIFIED in text_of(answer)


async def test_there_are_no_sign_in_links_where_a_provider_is_set(desk_at_provider: DeskSite) -> None:
    link = await desk_at_provider.link("sk")
    for answer in (
        await desk_at_provider.http.get(link),
        await desk_at_provider.http.post("/sign-in/link", data={"key": link.partition("key=")[2]}),
    ):
        assert answer.status_code == 404
        assert NO_LINKS in text_of(answer)
    assert not await desk_at_provider.is_in()


@pytest.mark.parametrize(
    ("asked", "claims", "let_in"),
    [
        ({"acr_values": ("gold",)}, {"acr": "gold"}, True),
        ({"acr_values": ("gold",)}, {"acr": "silver"}, False),
        ({"acr_values": ("gold",)}, {}, False),
        ({"amr_values": ("otp", "hwk")}, {"amr": ["pwd", "otp"]}, True),
        ({"amr_values": ("otp", "hwk")}, {"amr": ["pwd"]}, False),
        ({"amr_values": ("otp", "hwk")}, {}, False),
    ],
)
async def test_a_second_factor_is_asked_for_and_looked_at(
    desk_at_provider: DeskSite,
    provider: SmallProvider,
    asked: dict[str, Any],
    claims: dict[str, Any],
    let_in: bool,
) -> None:
    provider.claims = claims
    async with desk_on(desk_at_provider.sessions, replace(provider.settings, **asked)) as desk:
        answer = await desk.signs_in_at(provider)
        assert await desk.is_in() is let_in
    assert provider.asked[0].get("acr_values", "") == " ".join(asked.get("acr_values", ()))
    if not let_in:
        assert answer.status_code == 403
        assert SECOND_FACTOR in text_of(answer)


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("groups", {"groups": ["auditor", "somebody else's"]}, [Role.AUDITOR]),
        (
            "realm_access.roles",
            {"realm_access": {"roles": ["責任者", "caseworker"]}},
            [Role.CASEWORKER, Role.SUPERVISOR],
        ),
        ("groups", {"groups": "administrator"}, [Role.ADMINISTRATOR]),
        ("groups", {"groups": [7, {}]}, []),
        ("groups", {}, []),
    ],
)
async def test_roles_of_a_claim_are_taken_over_at_each_log_in(
    desk_at_provider: DeskSite, provider: SmallProvider, claim: str, claims: dict[str, Any], roles: list[Role]
) -> None:
    provider.claims = claims
    async with desk_on(desk_at_provider.sessions, replace(provider.settings, roles_claim=claim)) as desk:
        await desk.signs_in_at(provider)
        assert (await desk.operator("sk")).roles == [role.value for role in roles]
        shown = text_of(await desk.http.get("/desk/me"))
    said = "、".join(role.label for role in roles) or "役割がありません。管理者に追加を依頼してください。"
    assert f"役割 {said} 休暇" in shown


# Log-outs ----------------------------------------------------------------------------------------------------------


async def test_logging_out_everywhere_ends_each_log_in_here_and_leads_to_the_provider(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    async with desk.browser() as other:
        await desk.signs_in_at(provider, http=other)
        await desk.signs_in_at(provider)
        done = await desk.http.post("/sign-out-everywhere")
        assert done.status_code == 303
        answer = await desk.http.get(done.headers["location"])
        where = urlsplit(answer.headers["refresh"].partition("url=")[2])
        assert f"{where.scheme}://{where.netloc}{where.path}" == f"{provider.issuer}/end"
        said = parse_qs(where.query)
        assert said["post_logout_redirect_uri"] == [f"{desk.url}/signed-out"]
        assert said["client_id"] == [CLIENT_ID]
        assert said["id_token_hint"] == [provider.tokens[-1]]
        assert not await desk.is_in()
        assert not await desk.is_in(other)


async def test_logging_out_everywhere_ends_what_is_here_while_the_provider_is_away(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.signs_in_at(provider)
    provider.down = True
    async with desk_on(desk_at_provider.sessions, provider.settings) as restarted:
        restarted.http.cookies = desk_at_provider.http.cookies
        done = await restarted.http.post("/sign-out-everywhere")
        answer = await restarted.http.get(done.headers["location"])
        assert "ログアウトしていません" in text_of(answer)
        assert not await restarted.is_in()


async def test_the_provider_ends_a_log_in_by_its_own_session_or_by_the_user(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk = desk_at_provider
    async with desk.browser() as one, desk.browser() as two:
        for browser, session in ((one, "session-1"), (two, "session-2")):
            provider.claims = {"sid": session}
            await desk.signs_in_at(provider, http=browser)
        assert await ended(desk, provider.logout_token(sid="session-1", sub=None)) == 200
        assert (await desk.is_in(one), await desk.is_in(two)) == (False, True)
        assert await ended(desk, provider.logout_token(sid="session-2", sub="another user")) == 200
        assert await desk.is_in(two)
        assert await ended(desk, provider.logout_token()) == 200
        assert not await desk.is_in(two)
    assert [action for _, action, _ in await desk.audited()].count("signed_out_at_provider") == 2


WRONG_LOGOUTS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": OTHER_ISSUER},
    "no issuer": {"iss": None},
    "another client's": {"aud": "another client"},
    "no audience": {"aud": None},
    "no time": {"iat": None},
    "of tomorrow": {"iat": NOW + 86_400},
    "no end": {"exp": None},
    "expired": {"exp": NOW - 3600},
    "no number": {"jti": None},
    "of nobody": {"sub": None},
    "no event": {"events": None},
    "another event": {"events": {"https://schemas.example.com/event": {}}},
    "an event that is no object": {"events": {BACK_CHANNEL_LOGOUT: "yes"}},
    "events that are a list": {"events": [BACK_CHANNEL_LOGOUT]},
    "a nonce": {"nonce": "that of a log-in"},
    "a list for a user": {"sub": ["subject-of-sk"]},
    "of another type": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("changes", WRONG_LOGOUTS.values(), ids=WRONG_LOGOUTS)
async def test_a_log_out_that_is_wrong_ends_nothing(
    desk_at_provider: DeskSite, provider: SmallProvider, changes: dict[str, Any]
) -> None:
    await desk_at_provider.signs_in_at(provider)
    assert await ended(desk_at_provider, provider.logout_token(**changes)) == 400
    assert await desk_at_provider.is_in()


async def test_a_log_out_that_the_provider_has_not_signed_ends_nothing(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.signs_in_at(provider)
    id_token = provider.tokens[-1]
    good = provider.logout_token()
    provider.signing_key = RSAKey.generate_key(2048)
    forged = provider.logout_token()
    provider.signing_key, provider.algorithm = shared_secret_key(), "HS256"
    for token in (id_token, forged, provider.logout_token(), "no token", "", f"{good}x"):
        assert await ended(desk_at_provider, token) == 400
    assert (await desk_at_provider.http.post(BACK_CHANNEL)).status_code == 400
    assert await desk_at_provider.is_in()


async def test_a_log_out_is_taken_once(desk_at_provider: DeskSite, provider: SmallProvider) -> None:
    """Whoever has seen it cannot end later log-ins with it."""
    token = provider.logout_token()
    assert await ended(desk_at_provider, token) == 200
    await desk_at_provider.signs_in_at(provider)
    assert await ended(desk_at_provider, token) == 400
    assert await desk_at_provider.is_in()


async def test_made_up_keys_do_not_make_the_provider_be_asked_each_time(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.signs_in_at(provider)
    published = provider.key
    for number in range(5):
        provider.change_key(f"made-up-{number}")
        token = provider.logout_token()
        provider.key = published
        assert await ended(desk_at_provider, token) == 400
    assert provider.keys_read == 2


async def ended(desk: DeskSite, token: str) -> int:
    """Send a log-out as the provider does: no browser, no cookie."""
    async with desk.browser() as provider:
        del provider.headers["sec-fetch-site"]
        answer = await provider.post(BACK_CHANNEL, data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code


async def test_a_log_in_lasts_eight_hours_without_a_request_and_twelve_in_all(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    desk, begun = desk_at_provider, datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
    for hours, still in ((7.9, True), (11.9, True), (12, False)):
        if hours == 7.9:
            await desk.signs_in_at(provider)
        desk.clock.time = begun + timedelta(hours=hours)
        assert await desk.is_in() is still
    await desk.signs_in_at(provider)
    desk.clock.time += timedelta(hours=8)
    assert not await desk.is_in()


async def test_a_provider_that_was_changed_ends_the_log_ins_of_the_one_before(
    desk_at_provider: DeskSite, provider: SmallProvider
) -> None:
    await desk_at_provider.signs_in_at(provider)
    async with desk_on(desk_at_provider.sessions, OpenIdSettings(OTHER_ISSUER, "id", "secret")) as other:
        other.http.cookies = desk_at_provider.http.cookies
        assert not await other.is_in()
