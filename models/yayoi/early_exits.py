"""From which stages a case can end before its end, and how (Y27)."""

from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure, Stage

EARLY_EXITS = (Outcome.EXPIRED, Outcome.REJECTED, Outcome.WITHDRAWN, Outcome.CANCELLED)
EXPIRING = frozenset({Stage.CONFIRMATION, Stage.CORRECTION, Stage.SHARING})
"""Where somebody is waited for until a deadline."""


def early_exits(procedure: Procedure, stage: Stage) -> tuple[Outcome, ...]:
    """Return how a case at this stage can end early.

    Of the follow-up's stages, only the first can be withdrawn from: later ones mean that the customer has begun.
    """
    if stage is Stage.CLOSED:
        return ()
    stages = procedure.stages
    to_notice = stages[: stages.index(Stage.NOTIFY) + 1]
    begun = {Stage.SET_UP, Stage.RELINK}
    first_of_follow_up = next(each for each in stages if each in begun)
    possible = {
        Outcome.EXPIRED: stage in EXPIRING,
        Outcome.REJECTED: stage in to_notice,
        Outcome.WITHDRAWN: stage not in begun or stage is first_of_follow_up,
        Outcome.CANCELLED: True,
    }
    return tuple(outcome for outcome in EARLY_EXITS if possible[outcome])
