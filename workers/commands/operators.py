"""`tetsuzuki operators`: sign-in links of the embedded stack, and by what the provider knows an operator."""

import os
from datetime import UTC, datetime

from models.common.refusals import RefusedError
from models.common.store.operators import Operators, ProviderIdentity
from models.common.store.sessions import DatabaseSessions
from models.tables import OperatorRow
from web.common.auth.sign_in_links import SignInLinks
from workers import database
from workers.program import ClearError, say
from workers.settings import Settings
from workers.stack.places import Places
from workers.wiring.derived import desk_url
from workers.wiring.web import openid_settings

LINKS = "sign-in links of the operators, each good once (another: `tetsuzuki operators link NAME`):"
NO_OPERATORS = "no operators yet: load a registry file, then `tetsuzuki operators link NAME`"


async def print_link(settings: Settings, name: str) -> None:
    """Make a sign-in link for who has this handle or name, good once while `tetsuzuki up` runs, and print it.

    Raises:
        ClearError: a provider is set, no `up` runs here, or there is no such operator.

    """
    if openid_settings(settings) is not None:
        raise ClearError("担当者は TETSUZUKI_OIDC_ISSUER のサービスでログインするため、ログイン用リンクはありません。")
    run = _run(settings)
    async with database.opened(settings) as sessions:
        operator = await _called(Operators(sessions), name)
        say(await _link(settings, sessions, run, operator))


async def printed_links(settings: Settings) -> str:
    """Return what `up` prints: a sign-in link for every operator, or what to do first."""
    if settings.sign_in_run is None:
        return f"operators log in at {settings.oidc_issuer}"
    async with database.opened(settings) as sessions:
        operators = [each.row for each in await Operators(sessions).listed()]
        if not operators:
            return NO_OPERATORS
        lines = [
            f"  {row.name}（{row.handle}） {await _link(settings, sessions, settings.sign_in_run, row)}"
            for row in operators
        ]
    return "\n".join([LINKS, *lines])


async def add_identity(settings: Settings, name: str, subject: str) -> None:
    """Let the provider's user with this `sub` log in as who has this handle or name.

    Raises:
        ClearError: no provider is set, there is no such operator, or the user is another operator.

    """
    openid = openid_settings(settings)
    if openid is None:
        raise ClearError("TETSUZUKI_OIDC_ISSUER が設定されていないため、ログインのサービスの利用者を登録できません。")
    async with database.opened(settings) as sessions:
        operators = Operators(sessions)
        operator = await _called(operators, name)
        by, identity = f"command:uid-{os.getuid()}", ProviderIdentity(openid.issuer, subject)
        try:
            await operators.add_identity(operator.handle, identity, by=by, at=datetime.now(UTC))
        except RefusedError as refused:
            raise ClearError(" ".join(each.message for each in refused.errors)) from None
    say(f"{operator.name}（{operator.handle}）として、{subject} でログインできます。")


async def _called(operators: Operators, name: str) -> OperatorRow:
    operator = await operators.called(name)
    if operator is None:
        known = "、".join(f"{each.row.name}（{each.row.handle}）" for each in await operators.listed())
        raise ClearError(f"担当者「{name}」は登録されていません。登録されている担当者：{known or 'なし'}")
    return operator


async def sign_in_link(settings: Settings, sessions: DatabaseSessions, handle: str) -> str:
    """Return a new sign-in link, good once, of the `up` whose settings these are. Raises `ClearError` for nobody."""
    operator = await _called(Operators(sessions), handle)
    return await _link(settings, sessions, str(settings.sign_in_run), operator)


async def _link(settings: Settings, sessions: DatabaseSessions, run: str, operator: OperatorRow) -> str:
    return f"{desk_url(settings)}{await SignInLinks(sessions, run).make(operator)}"


def _run(settings: Settings) -> str:
    try:
        return Places(settings.state_dir).sign_in_run.read_text()
    except OSError:
        raise ClearError(
            f"{settings.state_dir} で tetsuzuki up が動いていません。ログイン用リンクは、動いている間だけ使えます。"
        ) from None
