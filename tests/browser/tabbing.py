"""Going through a page by Tab, as whoever has no mouse does."""

from playwright.async_api import Page

MOST_TABS = 120
FOCUSED = """() => {
    const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
    return {
        id: element.id, name: element.name || "", value: element.value || "", role: element.className,
        text: element.textContent.trim(),
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 3,
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0 && box.right <= innerWidth + 1,
        big: box.height >= 24 || element.tagName === "A",
    };
}"""
"""What has the focus, and whether it is seen to have it."""


async def tab_to(page: Page, **wanted: str) -> None:
    """Press Tab until this has the focus; all that is come to on the way is seen, and seen to have it."""
    await page.wait_for_load_state("load")  # with its styles, which show the focus
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        assert focused["outlined"], focused
        assert focused["seen"], focused
        assert focused["big"], focused
        if wanted.items() <= focused.items():
            return
    raise AssertionError(f"Tab never comes to {wanted}")
