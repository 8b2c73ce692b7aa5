"""The combination ledger as a file to print and keep (Y22)."""

import io
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from models.yayoi.combination_ledger import HEADINGS, LedgerEntry

TITLE = "事業所データの組み合わせの控え"
_GETA = "〓"
_NOT_SHOWN = f"{_GETA} は、この控えに表示できない文字です。正しい表記は、画面または CSV の控えで確認してください。"
_PART = (
    "お申し込み {} の事業所データだけを載せています。"
    "すべての組み合わせは、ログインして「組み合わせの控え」で確認してください。"
)
_FONT = "HeiseiKakuGo-W5"
_LAST_OF_BASIC_PLANE = 0xFFFF
_WIDTHS = [62 * mm, 55 * mm, 80 * mm, 36 * mm, 36 * mm]


def as_pdf(entries: Sequence[LedgerEntry], day: date, part_of: str = "") -> bytes:
    """Return the ledger as A4 pages; a viewer brings the Japanese font itself.

    `part_of` is the one application whose pairs it holds; empty: it is the whole that its reader may see.
    """
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    text = ParagraphStyle("text", fontName=_FONT, fontSize=9, leading=13, wordWrap="CJK")
    title = ParagraphStyle("title", parent=text, fontSize=15, leading=22)

    def cell(value: str) -> Paragraph:
        return Paragraph(escape(_printable(value)), text)

    table = Table(
        [[cell(heading) for heading in HEADINGS], *([cell(value) for value in entry.cells] for entry in entries)],
        colWidths=_WIDTHS,
        repeatRows=1,
    )
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#7a8694")),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e3edf5")),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=landscape(A4), leftMargin=12 * mm, rightMargin=12 * mm, title=TITLE, lang="ja"
    )
    heading = [Paragraph(TITLE, title), Paragraph(f"{day.year}年{day.month}月{day.day}日現在", text)]
    if part_of:
        heading.append(Paragraph(escape(_PART.format(part_of)), text))
    note = Paragraph("証憑は、この組み合わせの弥生ID でログインしてから保存してください。", text)
    rare = any(_printable(value) != value for entry in entries for value in entry.cells)
    notes = [note, Paragraph(_NOT_SHOWN, text)] if rare else [note]
    document.build([*heading, Spacer(1, 5 * mm), table, Spacer(1, 5 * mm), *notes])
    return file.getvalue()


def _printable(value: str) -> str:
    """Viewers leave a blank where this font has no letter: those outside the basic plane, such as 𠮷."""
    return "".join(letter if ord(letter) <= _LAST_OF_BASIC_PLANE else _GETA for letter in value)
