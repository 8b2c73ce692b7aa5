"""`tetsuzuki operators` and `desk`: sign-in links, identities, and the settings of the log-in."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.tables import OperatorIdentityRow
from tests.support.desk import DeskSite, desk_on, fill_operators
from tests.support.encryption import MASTER
from workers import temporal
from workers.case_keys import CaseKeys
from workers.commands.operators import LINKS, NO_OPERATORS, add_identity, print_link, printed_links
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import completed
from workers.wiring.desk import build_desk
from workers.wiring.web import openid_settings

ISSUER = "https://login.example.com/realms/back-office"
OPENID: dict[str, Any] = {"oidc_issuer": ISSUER, "oidc_client_id": "desk", "oidc_client_secret": SecretStr("secret")}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, state_dir=tmp_path)


def begun(settings: Settings) -> Settings:
    """As `tetsuzuki up` begins."""
    return completed(settings, Places(settings.state_dir))


async def is_good(desk: DeskSite, printed: str) -> bool:
    """Whether a link that was printed logs somebody in."""
    async with desk.browser() as browser:
        await browser.post("/sign-in/link", data={"key": printed.partition("?key=")[2]})
        return await desk.is_in(browser)


async def test_up_prints_a_link_for_each_operator_and_the_command_another(
    settings: Settings, sessions: async_sessionmaker[AsyncSession], capsys: pytest.CaptureFixture[str]
) -> None:
    running = begun(settings)
    assert await printed_links(running) == NO_OPERATORS
    await fill_operators(sessions)
    said, *lines = (await printed_links(running)).splitlines()
    assert said == LINKS
    assert [line.split()[0] for line in lines] == ["監物（kn）", "森（mr）", "佐藤（sk）", "田中（tn）"]
    await print_link(settings, "佐藤")
    await print_link(settings, "sk")
    links = [line.split()[-1] for line in (*lines, *capsys.readouterr().out.splitlines())]
    assert len(set(links)) == 6
    assert all(link.startswith("http://127.0.0.1:8233/sign-in/link?key=") for link in links)
    async with desk_on(sessions, run=str(running.sign_in_run)) as desk:
        assert [await is_good(desk, link) for link in links] == [True] * 6
        assert not await is_good(desk, links[0])
    assert (settings.state_dir / "sign_in_run").stat().st_mode & 0o077 == 0


async def test_each_start_of_up_is_another_run(settings: Settings) -> None:
    assert begun(settings).sign_in_run != begun(settings).sign_in_run


async def test_a_link_is_refused_without_up_for_nobody_and_where_a_provider_is_set(
    settings: Settings, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await fill_operators(sessions)
    with pytest.raises(ClearError, match="tetsuzuki up が動いていません"):
        await print_link(settings, "sk")
    begun(settings)
    with pytest.raises(ClearError, match=r"「だれか」は登録されていません。.*佐藤（sk）"):
        await print_link(settings, "だれか")
    with pytest.raises(ClearError, match="TETSUZUKI_OIDC_ISSUER"):
        await print_link(settings.model_copy(update=OPENID), "sk")


async def test_with_a_provider_up_begins_no_run_and_names_it(settings: Settings) -> None:
    running = begun(settings.model_copy(update=OPENID))
    assert running.sign_in_run is None
    assert not (settings.state_dir / "sign_in_run").exists()
    assert ISSUER in await printed_links(running)


async def test_the_first_administrator_is_let_in_by_the_command(
    settings: Settings, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await fill_operators(sessions)
    with_provider = settings.model_copy(update=OPENID)
    await add_identity(with_provider, "田中", "a4f7")
    await add_identity(with_provider, "tn", "a4f7")
    async with sessions() as session:
        [row] = await session.scalars(select(OperatorIdentityRow))
    assert (row.issuer, row.subject) == (ISSUER, "a4f7")
    with pytest.raises(ClearError, match="別の担当者（tn）"):
        await add_identity(with_provider, "sk", "a4f7")
    with pytest.raises(ClearError, match="TETSUZUKI_OIDC_ISSUER"):
        await add_identity(settings, "sk", "b5")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"oidc_client_id": None}, "TETSUZUKI_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": None}, "TETSUZUKI_OIDC_CLIENT_SECRET"),
        ({"oidc_issuer": None}, "TETSUZUKI_OIDC_CLIENT_ID is set"),
    ],
)
def test_what_is_missing_for_the_log_in_ends_the_start_with_the_variables_name(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClearError, match=named):
        openid_settings(Settings().model_copy(update=OPENID | changes))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oidc_issuer", "login.example.com"),
        ("oidc_issuer", "http://login.example.com"),
        ("oidc_issuer", "ftp://login.example.com"),
        ("oidc_issuer", "https://login.example.com?x=1"),
        ("oidc_scope", "profile"),
        ("oidc_roles", "realm_access.[roles"),
        ("desk_url", "desk"),
    ],
)
def test_a_setting_of_the_log_in_that_cannot_be_used_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: value})
    assert refused.value.errors()[0]["loc"] == (name,)


async def test_the_desk_does_not_start_where_nobody_could_log_in(
    settings: Settings, sessions: async_sessionmaker[AsyncSession]
) -> None:
    client, keys = await temporal.connect(settings, lazy=True), CaseKeys(sessions, MASTER)
    with pytest.raises(ClearError, match="TETSUZUKI_OIDC_ISSUER"):
        build_desk(settings.model_copy(update={"secret_key": SecretStr("key")}), sessions, client, keys)
    assert build_desk(begun(settings), sessions, client, keys).title == "担当者の画面"
    with_provider = begun(settings.model_copy(update=OPENID))
    assert build_desk(with_provider, sessions, client, keys).title == "担当者の画面"
    with pytest.raises(ClearError, match="TETSUZUKI_TEMPORAL_UI_ADDRESS"):
        build_desk(with_provider.model_copy(update={"temporal_ui_address": None}), sessions, client, keys)
