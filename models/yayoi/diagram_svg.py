"""The same diagram as SVG: boxes top to bottom, and beside them the stages from which a case can end early."""

from collections.abc import Iterator, Sequence
from html import escape

from models.yayoi.diagram import SIGNS, UNDONE, CaseDiagram, StageMark, lines_beside
from models.yayoi.early_exits import EARLY_EXITS, early_exits
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage

# All in pixels.
_LEFT, _TOP = 24, 92
_BOX_WIDTH, _LINE, _PADDING, _GAP = 320, 19, 12, 24
_FIRST_EXIT, _BETWEEN_EXITS = _LEFT + _BOX_WIDTH + 56, 76
_EXITS_WIDTH = _BETWEEN_EXITS * (len(EARLY_EXITS) - 1)
_EXITS_MIDDLE = _FIRST_EXIT + _EXITS_WIDTH // 2
_WIDTH = _FIRST_EXIT + _EXITS_WIDTH + 64

_STYLE = """\
text { font-family: "Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", sans-serif; fill: #1f2933; }
.title { font-size: 18px; font-weight: bold; }
.name { font-size: 15px; font-weight: bold; text-anchor: middle; }
.note { font-size: 12px; text-anchor: middle; fill: #52606d; }
.exit { font-size: 13px; text-anchor: middle; fill: #b5533c; }
.arrow { stroke: #5b6b7b; stroke-width: 1.5; fill: none; }
.out { stroke: #e0b4a8; stroke-width: 1.5; fill: none; }
.dot { fill: #b5533c; }
.plain rect { fill: #ffffff; stroke: #5b6b7b; stroke-width: 1.5; }
.done rect { fill: #e6f4ea; stroke: #2e7d4f; stroke-width: 1.5; }
.live rect { fill: #1a5fb4; stroke: #123f78; stroke-width: 3; }
.live text { fill: #ffffff; }
.skipped rect { fill: #f4f4f4; stroke: #c4c4c4; stroke-dasharray: 4 3; }
.skipped text { fill: #9a9a9a; }
.early rect { fill: #fdf0ed; stroke: #b5533c; stroke-width: 1.5; }"""


def svg(diagram: CaseDiagram) -> str:
    """Return the diagram as the text of an SVG file."""
    stages = diagram.procedure.stages
    beside = {stage: lines_beside(diagram, stage) for stage in stages}
    tops = dict(zip(stages, _tops([_height(beside[stage]) for stage in stages]), strict=True))
    last = stages[-1]
    bottom = tops[last] + _height(beside[last])
    height = bottom + _TOP // 3
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
            f'width="{_WIDTH}" height="{height}" role="img" lang="ja" aria-label="{escape(diagram.procedure)}">',
            f"<style>\n{_STYLE}\n</style>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text class="title" x="{_LEFT}" y="34">{escape(diagram.procedure)}</text>',
            f'<text class="exit" x="{_EXITS_MIDDLE}" y="{_TOP - 44}">● の段階から、途中で終わることがあります</text>',
            *_lines_of_early_exits(diagram, tops, beside),
            *_arrows(diagram, tops, beside),
            *(_stage(diagram, stage, tops[stage], beside[stage]) for stage in stages),
            _end_of_early_exits(diagram, tops[last], _height(beside[last])),
            "</svg>\n",
        ]
    )


def _height(notes: Sequence[str]) -> int:
    return 2 * _PADDING + _LINE * (1 + len(notes))


def _tops(heights: Sequence[int]) -> Iterator[int]:
    top = _TOP
    for height in heights:
        yield top
        top += height + _GAP


def _stage(diagram: CaseDiagram, stage: Stage, top: int, notes: Sequence[str]) -> str:
    mark = diagram.mark(stage)
    box = f'<rect x="{_LEFT}" y="{top}" width="{_BOX_WIDTH}" height="{_height(notes)}" rx="8"/>'
    return _group(mark, box, *_texts(_LEFT + _BOX_WIDTH // 2, top, f"{SIGNS[mark]}{stage}", *notes))


def _texts(middle: int, top: int, name: str, *notes: str) -> Iterator[str]:
    yield f'<text class="name" x="{middle}" y="{top + _PADDING + 15}">{escape(name)}</text>'
    for row, note in enumerate(notes, start=1):
        yield f'<text class="note" x="{middle}" y="{top + _PADDING + 14 + _LINE * row}">{escape(note)}</text>'


def _group(kind: str, *parts: str) -> str:
    return "\n".join([f'<g class="{kind}">', *parts, "</g>"])


def _arrows(diagram: CaseDiagram, tops: dict[Stage, int], beside: dict[Stage, tuple[str, ...]]) -> Iterator[str]:
    middle = _LEFT + _BOX_WIDTH // 2
    for stage in diagram.procedure.stages[:-1]:
        start = tops[stage] + _height(beside[stage])
        yield f'<path class="arrow" d="M{middle} {start}V{start + _GAP - 2}m-5 -7l5 7l5 -7"/>'


def _lines_of_early_exits(
    diagram: CaseDiagram, tops: dict[Stage, int], beside: dict[Stage, tuple[str, ...]]
) -> Iterator[str]:
    """One line down for each early exit, with a dot beside every stage from which it is possible."""
    for column, outcome in enumerate(EARLY_EXITS):
        at = _FIRST_EXIT + column * _BETWEEN_EXITS
        leaving = [stage for stage in diagram.procedure.stages if outcome in early_exits(diagram.procedure, stage)]
        middles = [tops[stage] + _height(beside[stage]) // 2 for stage in leaving]
        end = tops[Stage.CLOSED]
        yield f'<text class="exit" x="{at}" y="{_TOP - 20}">{escape(_taken(diagram, outcome))}</text>'
        yield f'<path class="out" d="M{at} {middles[0]}V{end - 2}m-5 -7l5 7l5 -7"/>'
        yield from (f'<circle class="dot" cx="{at}" cy="{middle}" r="5"/>' for middle in middles)


def _taken(diagram: CaseDiagram, outcome: Outcome) -> str:
    return f"▶{outcome}" if outcome is diagram.outcome else str(outcome)


def _end_of_early_exits(diagram: CaseDiagram, top: int, height: int) -> str:
    mark = diagram.mark_of_early_exit
    name = f"{UNDONE}（{diagram.outcome}）" if diagram.ended_early else UNDONE
    left, width = _FIRST_EXIT - 36, _EXITS_WIDTH + 72
    box = f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>'
    kind = "early" if mark is StageMark.PLAIN else mark
    return _group(kind, box, *_texts(_EXITS_MIDDLE, top, f"{SIGNS[mark]}{name}"))
