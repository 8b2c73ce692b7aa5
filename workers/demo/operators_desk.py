"""What operators do on the desk: they log in by a link, open the form of an operation, fill it in and send it."""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from html import unescape
from http import HTTPStatus
from typing import Self

import httpx

from models.common.store.sessions import DatabaseSessions
from web.backoffice.desk_operations import MOVED_ON
from workers.commands.operators import sign_in_link
from workers.demo.browser import Browser, PageError
from workers.settings import Settings
from workers.wiring.derived import desk_url

_TAKEN = "を受け付けました"
_AGAIN = 5
"""How often a form is sent again if its case has moved on meanwhile."""
_OPTION = re.compile(r'<input type="radio"[^>]* value="([^"]*)"[^>]*>\s*<span>([^<]*)</span>')


class OperatorsDesk:
    """The desk of a running stack, with a browser for each operator who logs in."""

    def __init__(self, settings: Settings, sessions: DatabaseSessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._browsers: dict[str, Browser] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def act(self, form: str, who: str, typed: Mapping[str, str], choose: str = "") -> bool:
        """Fill in the form of an operation, choosing what is called so, and send it; return whether it was taken.

        Raises:
            PageError: there is no such form, or nothing to choose of this name.

        """
        browser = await self._browser_of(who)
        await browser.open(form)
        chosen = {"choice": _chosen(browser, choose)} if choose else {}
        for _ in range(_AGAIN):
            try:
                await browser.send({**typed, **chosen})
            except PageError:
                if MOVED_ON not in browser.text:
                    raise
            else:
                break
        return _TAKEN in browser.text

    async def refused(self, form: str, who: str) -> str:
        """Open the form of what is not possible now; return what its page says. Raises `PageError` if it is."""
        browser = await self._browser_of(who)
        await browser.open(form, status=HTTPStatus.CONFLICT)
        return browser.text.strip()

    async def _browser_of(self, who: str) -> Browser:
        if who not in self._browsers:
            url = desk_url(self._settings)
            http = await self._open.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30, trust_env=False))
            browser = Browser(http)
            await browser.open(await sign_in_link(self._settings, self._sessions, who))
            await browser.send({})
            self._browsers[who] = browser
        return self._browsers[who]


def _chosen(browser: Browser, label: str) -> str:
    """Return what stands for a choice; the only one is no field that is seen, but is named."""
    options = {unescape(text).strip(): value for value, text in _OPTION.findall(browser.source)}
    if label in options:
        return str(options[label])
    hidden = re.search(r'<input type="hidden" name="choice" value="([^"]*)"', browser.source)
    if hidden and not options and label in browser.text:
        return str(hidden[1])
    raise PageError(f"nothing to choose is called {label} on {browser.url}: {', '.join(options)}")
