"""The combination ledger as a file to print and keep (Y22)."""

import io
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4, landscape  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle  # type: ignore[import-untyped]

from models.combination_ledger import HEADINGS, Entry

TITLE = "事業所データの組み合わせの控え"
_FONT = "HeiseiKakuGo-W5"
_WIDTHS = [62 * mm, 55 * mm, 80 * mm, 36 * mm, 36 * mm]


def as_pdf(entries: Sequence[Entry], day: date) -> bytes:
    """Return the ledger as A4 pages; a viewer brings the Japanese font itself."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    text = ParagraphStyle("text", fontName=_FONT, fontSize=9, leading=13, wordWrap="CJK")
    title = ParagraphStyle("title", parent=text, fontSize=15, leading=22)

    def cell(value: str) -> Paragraph:
        return Paragraph(escape(value), text)

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
    note = Paragraph("証憑は、この組み合わせの弥生ID でログインしてから保存してください。", text)
    document.build([*heading, Spacer(1, 5 * mm), table, Spacer(1, 5 * mm), note])
    return file.getvalue()
