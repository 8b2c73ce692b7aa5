"""The base of procedures that send one mail."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from models.common.messages import SentMail
    from workflows.common.activity_options import ONE_MAIL
    from workflows.common.failing_activities import FailureFlag, why_given_up

Input = TypeVar("Input")

AGAIN_AFTER = timedelta(hours=4)
"""After this a mail to the operators' desk that was given up is tried again: its address is a setting."""

_HINT = "\n\n担当窓口のアドレス（設定 `TETSUZUKI_OPERATORS_MAIL`）に届くようになれば、自動で送り直します。"


class MailWorkflow(FailureFlag):
    """Sends one mail; one that cannot be sent is shown to operators."""

    async def send(
        self, activity: Callable[[Any, Input], Awaitable[SentMail]], input_: Input, summary: str, *, hint: str = ""
    ) -> SentMail | None:
        """Return what was sent, or None if it was refused for good or not taken within a day; its page says why."""
        try:
            sent = await workflow.execute_activity_method(activity, input_, **ONE_MAIL | {"summary": summary})
        except ActivityError as error:
            workflow.set_current_details(f"### 送信できなかったメール\n\n{why_given_up(error)}{hint}")
            return None
        workflow.set_current_details("")
        return sent

    async def send_to_desk(
        self, activity: Callable[[Any, Input], Awaitable[SentMail]], input_: Input, summary: str
    ) -> None:
        """Send it, however long that takes: the desk has nothing but this mail. Operators see it among the failures."""
        while await self.send(activity, input_, summary, hint=_HINT) is None:
            self.show_failing(activity.__name__)
            await workflow.sleep(AGAIN_AFTER, summary="担当窓口のアドレスが直るのを待って、もう一度送る")
