"""Mails that have come back: a case looks which of its own they are, and takes each once."""

from collections.abc import Awaitable, Callable

from activities.common.bounces import BounceActivities
from models.common.messages import BouncedMail, CaseRef
from workflows.common.case_steps import CaseSteps
from workflows.common.row_look import RowLook


class BouncedMailLook:
    """Asks for the mails of one case, when a signal says so; `take` is called with each that is new."""

    def __init__(self, case: CaseRef, steps: CaseSteps, take: Callable[[BouncedMail], Awaitable[None]]) -> None:
        self._case = CaseRef(case_no=case.case_no, part=case.part)
        self._steps = steps
        self._take = take
        self._taken: set[str] = set()
        self._row = RowLook(self._look)

    async def look(self) -> None:
        """Look, unless a look that has not begun yet will see the same."""
        await self._row.look()

    async def _look(self) -> None:
        found = await self._steps.look(BounceActivities.bounced_mails, self._case, "届かずに戻ったメールを調べる")
        for mail in found.mails:
            if mail.key not in self._taken:
                self._taken.add(mail.key)
                await self._take(mail)
