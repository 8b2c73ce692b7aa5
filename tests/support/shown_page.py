"""A workflow that notes and enters, and says how often its page was rendered and its columns were written."""

from temporalio import workflow

from models.common.case_state import CaseState
from models.common.waiting_for import WaitingFor
from models.yayoi.procedures import Stage
from workflows.common.case_view import CaseView
from workflows.common.search_attributes import columns_of


@workflow.defn
class ShownPage:
    """Returns how often the page was rendered after each time that something was to be shown."""

    @workflow.init
    def __init__(self) -> None:
        self._state = state = CaseState(stage=Stage.CHECK)
        self._rendered = 0
        self._view = CaseView(state, self._details, lambda: columns_of(state))

    @workflow.run
    async def run(self) -> list[int]:
        counts = []
        self._view.enter(Stage.REMEMBER_LINKS)
        self._view.note("連携を記録した")
        self._view.enter(Stage.SHARING, WaitingFor.APPLICANT)
        self._view.note("メールを送った")
        for _ in range(3):
            self._view.show()
            counts.append(self._rendered)
        self._view.note("電話があった")
        self._view.show()
        return [*counts, self._rendered]

    def _details(self) -> str:
        self._rendered += 1
        return str(self._state.stage)
