"""The base of procedures that send one mail."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from models.common.messages import SentMail
from workflows.common.activity_options import AGAIN_AFTER, ONE_MAIL, QUICK, by_mail
from workflows.common.failing_activities import FailureFlag, is_final, why_given_up

Input = TypeVar("Input")

_HINT = "\n\n担当窓口のアドレス（設定 `TETSUZUKI_OPERATORS_MAIL`）に届くようになれば、自動で送り直します。"


class MailWorkflow(FailureFlag):
    """Sends one mail; one that cannot be sent is shown to operators."""

    async def send(
        self, activity: Callable[[Any, Input], Awaitable[SentMail]], input_: Input, summary: str, *, hint: str = ""
    ) -> SentMail | None:
        """Return what was sent, or None if it was refused for good or not taken within a day; its page says why."""
        try:
            sent = await _taken(activity, input_, summary)
        except FailureError as error:
            workflow.set_current_details(f"### 送信できなかったメール\n\n{why_given_up(error)}{hint}")
            return None
        workflow.set_current_details("")
        self.show_failing(failing=False)
        return sent

    async def send_to_desk(
        self, activity: Callable[[Any, Input], Awaitable[SentMail]], input_: Input, summary: str
    ) -> None:
        """Send it, however long that takes: the desk has nothing but this mail. Operators see it among the failures."""
        while await self.send(activity, input_, summary, hint=_HINT) is None:
            self.show_failing(failing=True)
            await workflow.sleep(AGAIN_AFTER, summary="担当窓口のアドレスが直るのを待って、もう一度送る")


async def _taken(activity: Callable[[Any, Input], Awaitable[SentMail]], input_: Input, summary: str) -> SentMail:
    """Send it at once if that is possible, else patiently by the mails' own workers."""
    try:
        return await workflow.execute_local_activity_method(activity, input_, **QUICK | {"summary": summary})
    except FailureError as failed:
        if is_final(failed) or is_cancelled_exception(failed):
            raise
    return await workflow.execute_activity_method(activity, input_, **by_mail(ONE_MAIL) | {"summary": summary})
