"""A procedure as a diagram in Mermaid, from the list of its stages."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from models.yayoi.deadlines import AFTER_CLOSING_DAYS
from models.yayoi.early_exits import EARLY_EXITS, early_exits
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure, Stage

UNDONE = "元に戻して終了"
"""The end of every early exit (Y27)."""

NOTES = {
    Stage.CHECK: "弥生ID と事業所トークンを確かめる",
    Stage.CONFIRMATION: "正しい事業所トークンがないときだけ",
    Stage.CORRECTION: "問題があるときだけ",
    Stage.REMEMBER_LINKS: "サービスと最後に取り込んだ日を控える",
    Stage.SHARING: "会計事務所と共有中のときだけ待つ",
    Stage.NOTIFY: "契約ID を弥生ID あてに知らせる",
    Stage.THAW: "申し込みから止めていた取り込みを再開する",
    Stage.RELINK: "連携していたサービスごと",
    Stage.AFTER_CLOSING: f"残りがあるときだけ {AFTER_CLOSING_DAYS} 日受け付ける",
}
"""Explanations beside a stage's name."""


FROZEN_FROM_THE_START = "取り込みは、申し込みのときから止まっている"
"""Y12: there is no stage of its own for what the acceptance of the form does."""


class StageMark(StrEnum):
    """How far a case has come with a stage."""

    PLAIN = "plain"
    """Still to come, or the diagram is of no case."""
    DONE = "done"
    LIVE = "live"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CaseDiagram:
    """A procedure, and how far a case has come in it; without a case, only the procedure."""

    procedure: Procedure
    visited: tuple[Stage, ...] = ()
    live: Stage | None = None
    outcome: Outcome | None = None

    @property
    def ended_early(self) -> bool:
        return self.outcome in EARLY_EXITS

    def mark(self, stage: Stage) -> StageMark:
        if stage is self.live and not self.ended_early:
            return StageMark.LIVE
        if stage is Stage.CLOSED and self.ended_early:
            return StageMark.SKIPPED
        if stage in self.visited:
            return StageMark.DONE
        return StageMark.SKIPPED if self._past(stage) else StageMark.PLAIN

    @property
    def mark_of_early_exit(self) -> StageMark:
        if not self.ended_early:
            return StageMark.SKIPPED if self.outcome else StageMark.PLAIN
        return StageMark.LIVE if self.live else StageMark.DONE

    def _past(self, stage: Stage) -> bool:
        """Whether the case has skipped it."""
        stages = self.procedure.stages
        furthest = max((stages.index(each) for each in self.visited if each in stages), default=-1)
        return self.ended_early or stages.index(stage) < furthest


def lines_beside(diagram: CaseDiagram, stage: Stage) -> tuple[str, ...]:
    """The lines under a stage's name."""
    if stage is Stage.CHECK and diagram.procedure.linked:
        return (NOTES[stage], FROZEN_FROM_THE_START)
    if stage is Stage.SET_UP:
        return tuple(step.label for step in diagram.procedure.set_up_steps)
    if stage is Stage.CLOSED and diagram.outcome and not diagram.live and not diagram.ended_early:
        return (str(diagram.outcome),)
    return (NOTES[stage],) if stage in NOTES else ()


_CLASSES = """\
  classDef plain fill:#ffffff,stroke:#5b6b7b,color:#1f2933
  classDef done fill:#e6f4ea,stroke:#2e7d4f,color:#1f2933
  classDef live fill:#1a5fb4,stroke:#123f78,color:#ffffff,stroke-width:3px
  classDef skipped fill:#f4f4f4,stroke:#c4c4c4,color:#9a9a9a,stroke-dasharray:4 3
  classDef early fill:#fdf0ed,stroke:#b5533c,color:#1f2933"""
SIGNS = {StageMark.PLAIN: "", StageMark.DONE: "✓ ", StageMark.LIVE: "▶ ", StageMark.SKIPPED: ""}


def mermaid(diagram: CaseDiagram) -> str:
    """Return the diagram as Mermaid text."""
    return "\n".join(["flowchart TD", *_boxes(diagram), *_early_exits(diagram), _CLASSES])


def _boxes(diagram: CaseDiagram) -> Iterator[str]:
    stages = diagram.procedure.stages
    for number, stage in enumerate(stages):
        mark = diagram.mark(stage)
        text = "<br>".join((f"{SIGNS[mark]}{stage}", *lines_beside(diagram, stage)))
        box = f'(["{text}"])' if stage is Stage.CLOSED else f'["{text}"]'
        yield f"  s{number}{box}:::{mark}"
    yield "  " + " --> ".join(f"s{number}" for number in range(len(stages)))


def _early_exits(diagram: CaseDiagram) -> Iterator[str]:
    mark = diagram.mark_of_early_exit
    text = f"{SIGNS[mark]}{UNDONE}" + (f"<br>{diagram.outcome}" if diagram.ended_early else "")
    yield f'  early(["{text}"]):::{"early" if mark is StageMark.PLAIN else mark}'
    for number, stage in enumerate(diagram.procedure.stages):
        if possible := early_exits(diagram.procedure, stage):
            yield f"  s{number} -. {'・'.join(possible)} .-> early"
