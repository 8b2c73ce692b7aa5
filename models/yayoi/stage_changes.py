"""Stage changes of applications and their offices, as subscribers get them."""

from typing import Any

from models.webhooks.messages import Coded, StageChange
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import Outcome
from models.yayoi.procedures import ApplicationStage, Stage


def office_stage_change(
    number: ApplicationNo, office_no: int, stage: Stage, *, outcome: Outcome | None, **facts: Any
) -> StageChange:
    """Build the message of one office; `facts` are the other fields: the time, whose turn it is and until when."""
    ended = Coded.of(outcome) if outcome else None
    return StageChange(application_no=number, office_no=office_no, stage=Coded.of(stage), outcome=ended, **facts)


def application_stage_change(number: ApplicationNo, stage: ApplicationStage, **facts: Any) -> StageChange:
    """Build the message of the application as a whole."""
    return StageChange(application_no=number, stage=Coded.of(stage), **facts)
