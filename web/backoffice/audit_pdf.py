"""The audit export of a case as pages for people. What proves it is the JSON: the pages name its head."""

import io
import json
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from models.common.audit_export import AuditExport, ExportedEntry

TITLE = "監査の記録"
ERASED = "消去済み"
HEADINGS = ("部分", "番号", "日時（UTC）", "したこと", "した人", "規則", "内容")
_TABLES = {
    "applications": "申込の内容",
    "application_offices": "事業所データ",
    "myics_registrations": "登録の内容",
    "notices": "メール",
    "events": "他のシステムからの報告",
    "case_stages": "段階",
}
_FONT = "HeiseiKakuGo-W5"
_GETA, _LAST_OF_BASIC_PLANE = "〓", 0xFFFF
_WIDTHS = [14 * mm, 12 * mm, 34 * mm, 58 * mm, 40 * mm, 12 * mm, 100 * mm]
_LONGEST = 1500
"""Letters of one cell: a longer one would not fit on a page; the JSON has the whole."""


def audit_as_pdf(document: AuditExport) -> bytes:
    """Return the export as A4 pages; a viewer brings the Japanese font itself."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    text = ParagraphStyle("text", fontName=_FONT, fontSize=8, leading=11, wordWrap="CJK")
    title, heading = (ParagraphStyle(str(size), parent=text, fontSize=size, leading=size + 8) for size in (15, 11))

    def paragraph(value: str, style: ParagraphStyle = text) -> Paragraph:
        return Paragraph(escape(_printable(value)), style)

    table = Table(
        [[paragraph(each) for each in HEADINGS], *([paragraph(cell) for cell in _cells(e)] for e in document.entries)],
        colWidths=_WIDTHS,
        repeatRows=1,
    )
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#7a8694")),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e3edf5")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    parts: list[Flowable] = [paragraph(f"{TITLE} {document.case_no}", title), table, Spacer(1, 5 * mm)]
    for name, called in _TABLES.items():
        if rows := document.records.get(name):
            parts.append(paragraph(called, heading))
            parts += [paragraph(_said(row)) for row in rows]
    if says := document.records.get("history", {}).get("says"):
        parts.append(paragraph(says))
    head = document.head
    proof = f"{head.at} に鍵 {head.key} で署名された JSON の写しです。署名：{head.signature}"
    file = io.BytesIO()
    pages = SimpleDocTemplate(
        file, pagesize=landscape(A4), leftMargin=12 * mm, rightMargin=12 * mm, title=TITLE, lang="ja"
    )
    pages.build([*parts, Spacer(1, 5 * mm), paragraph(proof)])
    return file.getvalue()


def _cells(each: ExportedEntry) -> list[str]:
    entry, content = each.entry, each.about.content if each.about else {}
    facts = {name: value for name, value in content.get("facts", {}).items() if value is not None}
    said = f"{content.get('reason', '')}{content.get('detail', '')} {_said(facts)}" if each.about else ERASED
    by = f"{entry.by}（署名あり）" if entry.signed else entry.by
    at = entry.happened_at[:19].replace("T", " ")
    return [str(entry.part or "全体"), str(entry.sequence), at, entry.action, by, entry.rule, said[:_LONGEST]]


def _said(row: dict[str, Any]) -> str:
    shown = (f"{name}: {_value(value)}" for name, value in row.items() if value not in (None, "", [], {}))
    return "　".join(shown)[:_LONGEST]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(value: str) -> str:
    """Viewers leave a blank where this font has no letter: those outside the basic plane, such as 𠮷."""
    return "".join(letter if ord(letter) <= _LAST_OF_BASIC_PLANE else _GETA for letter in value)
