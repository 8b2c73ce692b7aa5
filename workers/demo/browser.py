"""A small browser: opens pages and sends their forms, with cookies and hidden fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from workers.program import ClearError

_OF_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
"""What browsers say of a form that they send to the site whose page it is on."""


class PageError(ClearError):
    """A page did not come, or does not hold the form that is to be sent."""


@dataclass
class _Form:
    action: str
    hidden: dict[str, str] = field(default_factory=dict)


class Browser:
    """The pages that one person sees."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._page: httpx.Response | None = None

    @property
    def url(self) -> str:
        return str(self._shown.url)

    @property
    def text(self) -> str:
        """What the page says, without its markup."""
        main = re.search(r"<main.*?</main>", self._shown.text, re.DOTALL)
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main.group() if main else self._shown.text)))

    @property
    def source(self) -> str:
        return self._shown.text

    async def open(self, address: str, *, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Open a page. Raises `PageError` if it does not come with this status."""
        self._page = await self._http.get(address, follow_redirects=True)
        self._expect(status)

    async def send(
        self, typed: Mapping[str, str], *, form: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        """Send the page's form, as typed; of several, the one that holds these hidden fields.

        Raises `PageError` if there is no such form, or if the page that follows does not come with this status.
        """
        wanted = (form or {}).items()
        own = [each for each in self._forms() if wanted <= each.hidden.items() and "sign-out" not in each.action]
        if not own:
            raise PageError(f"no form with {dict(wanted)} on {self.url}: {self.text}")
        self._page = await self._http.post(
            own[0].action, data=own[0].hidden | dict(typed), headers=_OF_OUR_PAGE, follow_redirects=True
        )
        self._expect(status)

    def _forms(self) -> list[_Form]:
        parser = _Forms(urlsplit(self.url).path)
        parser.feed(self._shown.text)
        return parser.found

    def _expect(self, status: HTTPStatus) -> None:
        if self._shown.status_code != status:
            raise PageError(f"{self.url} answered {self._shown.status_code} instead of {status:d}: {self.text}")

    @property
    def _shown(self) -> httpx.Response:
        if self._page is None:
            raise PageError("no page was opened yet")
        return self._page


class _Forms(HTMLParser):
    """The forms of a page, and what a browser sends along with each unseen."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.found: list[_Form] = []
        self._path = path

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(_Form(facts.get("action") or self._path))
        elif tag == "input" and facts.get("type") == "hidden" and self.found:
            self.found[-1].hidden[facts["name"]] = facts.get("value", "")
