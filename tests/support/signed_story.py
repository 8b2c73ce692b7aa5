"""A workflow of the tests whose operations are signed."""

from temporalio import workflow

from models.common.acting import acting
from models.common.operations import Operation
from models.common.operator_message import ActionMessage


class StoryOperation(Operation):
    TURN_PAGE = "turn_page", ActionMessage, "ページをめくる"
    BEGIN_ANEW = "begin_anew", ActionMessage, "新しい実行に移る"
    END = "end", ActionMessage, "終える"


@workflow.defn
class SignedStory:
    def __init__(self) -> None:
        self._pages: list[str] = []
        self._anew = self._ended = False

    @workflow.run
    async def run(self, pages: list[str]) -> list[str]:
        self._pages[:0] = pages
        await workflow.wait_condition(lambda: self._anew or self._ended)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._anew:
            workflow.continue_as_new(self._pages)
        return self._pages

    @workflow.update
    async def turn_page(self, message: ActionMessage) -> str:
        actor = acting()
        self._pages.append(f"{actor.kind if actor else 'nobody'} {actor.handle if actor else ''}：{message.reason}")
        return self._pages[-1]

    @turn_page.validator
    def _check_turn_page(self, message: ActionMessage) -> None:
        pass

    @workflow.update
    async def begin_anew(self, message: ActionMessage) -> None:
        del message
        self._anew = True

    @begin_anew.validator
    def _check_begin_anew(self, message: ActionMessage) -> None:
        pass

    @workflow.update
    async def end(self, message: ActionMessage) -> None:
        del message
        self._ended = True

    @end.validator
    def _check_end(self, message: ActionMessage) -> None:
        pass

    @workflow.query
    def pages(self) -> list[str]:
        return self._pages


@workflow.defn
class UnvalidatedStory:
    @workflow.run
    async def run(self) -> None:
        pass

    @workflow.update
    async def open_to_everybody(self) -> None:
        pass
