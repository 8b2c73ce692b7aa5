"""From which stages a case can end before its end, and how (Y27)."""

from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure, Stage

EARLY_EXITS = (Outcome.EXPIRED, Outcome.REJECTED, Outcome.WITHDRAWN, Outcome.CANCELLED)
_USUAL = {
    Outcome.REJECTED: "お申し込みの内容では、お手続きを進めることができませんでした。",
    Outcome.WITHDRAWN: "お客様からのお申し出により、お申し込みを取り下げました。",
    Outcome.CANCELLED: "お手続きを続けることができなくなったため、お申し込みを取り消しました。",
}
EXPIRING = frozenset({Stage.CONFIRMATION, Stage.CORRECTION, Stage.SHARING})
"""Where somebody is waited for until a deadline."""
FOLLOWED_UP = frozenset({Stage.SET_UP, Stage.RELINK})
"""What the customer does after the notice, until the case closes (Y25)."""

CANCELLATION_REFUSED = "取り消しの依頼を受けたが、取り消さなかった"
"""In the audit trail: a cancellation of the whole application was not possible for this office."""


def explanation(outcome: Outcome, text: str) -> str:
    """Return what the customer reads about why the case has ended so: the text meant for them, or the usual one."""
    return text or _USUAL[outcome]


def early_exits(procedure: Procedure, stage: Stage) -> tuple[Outcome, ...]:
    """Return how a case at this stage can end early.

    Of the follow-up's stages, only the first can be withdrawn from: later ones mean that the customer has begun.
    """
    if stage in {Stage.AFTER_CLOSING, Stage.CLOSED}:
        return ()
    stages = procedure.stages
    to_notice = stages[: stages.index(Stage.NOTIFY) + 1]
    first_of_follow_up = next(each for each in stages if each in FOLLOWED_UP)
    possible = {
        Outcome.EXPIRED: stage in EXPIRING,
        Outcome.REJECTED: stage in to_notice,
        Outcome.WITHDRAWN: stage not in FOLLOWED_UP or stage is first_of_follow_up,
        Outcome.CANCELLED: True,
    }
    return tuple(outcome for outcome in EARLY_EXITS if possible[outcome])
