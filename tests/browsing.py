"""A real Chromium for the tests of pages: as it stands on a desk, as a phone is, and without script."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Debian's; the one without a desktop's parts starts and draws with less work."""

DESK: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 740}
DEVICES = {"desk": DESK, "phone": PHONE}

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
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def hurdles(page: Page) -> list[str]:
    """What axe finds serious for people who see, hear or move differently; empty when nothing is."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {violation['help']}: {node['html']}"
        for violation in found
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]


async def keep_picture(page: Page, folder: Path, name: str) -> None:
    await page.screenshot(path=folder / f"{name}.png", full_page=True)
