"""The HTML part of a mail, from its Markdown. Each element has its own style: mail readers drop style sheets."""

from markdown_it.token import Token
from markupsafe import Markup

from activities.common.mail_markdown import MARKDOWN

# Colours are the reader's own, light or dark; what is drawn beside the text is grey enough for both.
_LINE = "1px solid rgba(128,128,128,.45)"
_STYLES = {
    "h2": f"font-size:1.1em;line-height:1.5;margin:1.8em 0 .5em;padding:0 0 .2em;border-bottom:{_LINE}",
    "p": "margin:1em 0",
    "ul": "margin:.6em 0;padding-left:1.6em",
    "ol": "margin:.6em 0;padding-left:1.6em",
    "blockquote": "margin:0 0 0 1em",
    "li": "margin:.35em 0",
    "table": "width:100%;border-collapse:collapse;margin:.5em 0",
    "th": "width:38%;padding:.5em .8em .5em 0;text-align:left;vertical-align:top;font-weight:normal;"
    f"border-bottom:{_LINE}",
    "td": f"padding:.5em 0;vertical-align:top;font-weight:bold;border-bottom:{_LINE}",
    "div": f"margin-top:2.5em;padding-top:.6em;border-top:{_LINE};font-size:.875em",
    "a": "display:inline-block;padding:.35em 0;word-break:break-all",
}
_BODY = (
    "max-width:40em;margin:0 auto;padding:16px;font-size:16px;line-height:1.75;"
    "font-family:'Hiragino Sans','Hiragino Kaku Gothic ProN','Yu Gothic',Meiryo,'Noto Sans CJK JP',sans-serif;"
    "overflow-wrap:anywhere"
)
_PAGE = Markup("""\
<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{subject}</title>
<style>:root {{ color-scheme: light dark }}</style>
</head>
<body style="margin:0;padding:0">
<div lang="ja" style="{style}">
{body}
</div>
</body>
</html>
""")


def html_of(subject: str, markdown: str, tokens: list[Token] | None = None) -> str:
    """Return the page for a mail's HTML part. Nothing in it is fetched from anywhere.

    `tokens` are those of the Markdown, if it has been parsed already; they are changed.
    """
    tokens = tokens or MARKDOWN.parse(markdown)
    _make_facts(tokens)
    _put_in_small_print(tokens)
    for token in (each for block in tokens for each in (block, *(block.children or ()))):
        if token.nesting == 1 and token.tag in _STYLES:
            token.attrSet("style", _STYLES[token.tag])
    body = Markup(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))  # noqa: S704 Markdown's own escaping
    return str(_PAGE.format(subject=subject, style=_BODY, body=body))


def _make_facts(tokens: list[Token]) -> None:
    """Make each row's name its head, in place of the empty heads that Markdown wants of every table."""
    heads = [number for number, token in enumerate(tokens) if token.type in {"thead_open", "thead_close"}]
    for first, last in reversed([*zip(heads[::2], heads[1::2], strict=True)]):
        del tokens[first : last + 1]
    for row, token in enumerate(tokens):
        if token.type == "tr_open":
            opened, _, closed = tokens[row + 1 : row + 4]
            opened.tag = closed.tag = "th"
            opened.attrSet("scope", "row")


def _put_in_small_print(tokens: list[Token]) -> None:
    """What follows the rule is in small print."""
    for number, token in enumerate(tokens):
        if token.type == "hr":
            tokens[number] = Token("small_open", "div", 1, block=True)
            tokens.append(Token("small_close", "div", -1, block=True))
            return
