"""A real Chromium for the tests of pages: as on a desk, as a phone is, and without script."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright

from tests.support.running import PATIENCE

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Debian's; the one without a desktop's parts starts and draws with less work."""

DESK: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 740}
DEVICES = {"desk": DESK, "phone": PHONE}

NARROW: ViewportSize = {"width": 320, "height": 256}
"""A desk's screen at 400 % (WCAG 1.4.10), and the smallest phones."""

SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""A folder to keep pictures of every page in, for people to look at."""

_SERIOUS = {"serious", "critical"}
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]


async def send_form(button: Locator) -> None:
    """Press the button of a form and wait for the page that answers: a reload before that would end in an error."""
    async with button.page.expect_navigation():
        await button.click()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with a home of its own."""
    with TemporaryDirectory(prefix="tetsuzuki-browser-", ignore_cleanup_errors=True) as home:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=_QUIET, env={**os.environ, "HOME": home}
            )
            try:
                yield browser
            finally:
                await browser.close()


@asynccontextmanager
async def new_page(browser: Browser, device: str = "desk", *, script: bool = True) -> AsyncIterator[Page]:
    """One page of somebody who has never been here."""
    context = await browser.new_context(viewport=DEVICES[device], locale="ja-JP", java_script_enabled=script)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        yield await context.new_page()
    finally:
        # A request that a test passes on may still be under way: closing under it is an error of another test.
        for page in context.pages:
            await page.unroute_all(behavior="ignoreErrors")
        await context.close()


class Looking:
    """Looks at every page that is come to: free of serious hurdles, and no wider than the screen."""

    def __init__(self, page: Page, walk: str, device: str, *, script: bool = True) -> None:
        """Keep a picture of each page under the name of the walk, if somebody wants them."""
        self.page = page
        self.found: list[str] = []
        """What is wrong with pages; looking for hurdles needs script itself."""
        self.complaints: list[str] = []
        """What the browser complained of, or advised (`[DOM]`)."""
        self._pictures = f"{walk}-{device}"
        self._size = DEVICES[device]
        self._width = self._size["width"]
        self._script = script
        self._seen = 0
        page.on("console", lambda message: self.complaints.append(message.text))

    async def at(self, page: Page, name: str) -> None:
        self._seen += 1
        if SCREENSHOTS:
            await page.screenshot(
                path=Path(SCREENSHOTS) / f"{self._pictures}-{self._seen:02}-{name}.png", full_page=True
            )
        if self._script:
            self.found += [f"{name}: {hurdle}" for hurdle in await _hurdles(page)]
            for width in (self._width, NARROW["width"]):
                if await _is_wider(page, width):
                    self.found.append(f"{name}: wider than {width} pixels")
            await page.set_viewport_size(self._size)


async def _is_wider(page: Page, width: int) -> bool:
    """Whether a page has to be moved from side to side on a screen of this width."""
    await page.set_viewport_size({"width": width, "height": NARROW["height"]})
    return int(await page.evaluate("document.documentElement.scrollWidth")) > width


async def _hurdles(page: Page) -> list[str]:
    """What axe finds serious for people who see, hear or move differently; empty when nothing is."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {violation['help']}: {node['html']}"
        for violation in found
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]
