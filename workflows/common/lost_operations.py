"""Operations that a Reset has not taken again: a case looks which they are, and takes each once."""

from collections.abc import Awaitable, Callable

from activities.common.lost_operations import LostOperationActivities
from models.common.case_state import CaseState
from models.common.messages import CaseRef
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.row_look import RowLook


class LostOperationsLook:
    """Asks for those of one case when a signal says so; `ask_operator` is called if there are new ones.

    They are in the case's state until an operator has acted.
    """

    def __init__(
        self,
        case: CaseRef,
        state: CaseState,
        view: CaseView,
        steps: CaseSteps,
        ask_operator: Callable[[], Awaitable[None]],
    ) -> None:
        self._case = CaseRef(case_no=case.case_no, part=case.part)
        self._state = state
        self._view = view
        self._steps = steps
        self._ask_operator = ask_operator
        self._taken: set[str] = set()
        self._row = RowLook(self._look)

    async def look(self) -> None:
        """Look, unless a look that has not begun yet will see the same."""
        await self._row.look()

    async def _look(self) -> None:
        summary = "やり直されていない操作を調べる"
        found = await self._steps.look(LostOperationActivities.lost_operations, self._case, summary)
        new = [each for each in found.operations if each.update_id not in self._taken]
        if not new:
            return
        self._taken |= {each.update_id for each in new}
        self._view.note(f"Reset の後、やり直されていない操作がある：{'、'.join(each.shown for each in new)}")
        if not self._state.leaving:
            self._state.lost += tuple(new)
            await self._ask_operator()
        self._view.show()
