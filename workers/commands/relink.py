"""`tetsuzuki correct-relink`: operators correct the day of a re-link, also of a case that has ended (Y21)."""

import sys
from datetime import timedelta

from models.common.calendar import utc_now
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_actions import CorrectRelink
from web.common.operation_sender import AskedOperation
from web.common.temporal_calls import UnreachableError, temporal_call
from web.yayoi.ended_office_records import EndedOfficeRecords
from web.yayoi.relink_corrections import RelinkCorrections
from workers import database, temporal
from workers.commands.acting import command_actor
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.operations import operations_by_operators

_PATIENCE = timedelta(minutes=1)


async def correct_relink(
    settings: Settings, application_no: str, office_no: int, handle: str | None, **said: object
) -> None:
    """Correct it.

    Raises:
        ClearError: what was typed is wrong, no such re-link is recorded, or neither Temporal nor a worker answers.

    """
    message = CorrectRelink.model_validate(said)
    if message.misread:
        raise ClearError("　".join(message.misread))
    try:
        pair = OfficeRef(case_no=ApplicationNo(application_no), part=office_no)
    except ValueError as refused:
        raise ClearError(str(refused)) from None
    async with temporal.opened(settings) as client, database.opened(settings) as sessions:
        operations = operations_by_operators(settings, client, sessions)
        ended = EndedOfficeRecords(sessions, client, operations, utc_now, task_queue=settings.temporal_task_queue)
        corrections = RelinkCorrections(sessions, operations, ended)
        try:
            async with temporal_call(_PATIENCE):
                refusal = await corrections.correct(pair, message, AskedOperation(command_actor(handle)))
        except UnreachableError:
            raise ClearError("Temporal かワーカーが応答しません。動いていることを確認してください。") from None
    if refusal:
        raise ClearError(refusal)
    sys.stderr.write("再連携の日を訂正しました。\n")
