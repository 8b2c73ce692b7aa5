"""`tetsuzuki act`: an engineer sends an operation to a case, signed as a command."""

import sys
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.actors import Actor
from models.common.allowed_actors import may_send
from models.common.json_text import read_json
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from web.common.operation_sender import Done
from workers import database, temporal
from workers.commands.acting import command_actor
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.operations import operations_by_operators

NEEDS_LOG_IN = "this operation belongs to somebody who has logged in: nobody asks or approves at the command line"


def workflow_id_of(case: str) -> str:
    """Return the workflow of a case: an application by its number, an office by `NUMBER/OFFICE`, others by their id."""
    number, _, office = case.partition("/")
    try:
        application_no = ApplicationNo(number)
    except ValueError:
        return case
    if not office:
        return application_workflow_id(application_no)
    if not office.isdecimal():
        raise ClearError(f"{case!r}: an office is named by its number, such as {number}/1")
    return office_workflow_id(application_no, int(office))


def content_of(typed: str, reason: str | None) -> Mapping[str, Any]:
    """Return the operation's JSON; `reason` is its reason. Raises `ClearError` for what is no JSON object."""
    try:
        content = read_json(typed)
    except ValueError as error:
        raise ClearError(f"the message is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ClearError("the message is no JSON object: { and } are wanted")
    return content if reason is None else {**content, "reason": reason}


def _needs_log_in(operation: str, actor: Actor) -> bool:
    """Whether there is such an operation, and a command may send it to no procedure."""
    having = [name for name, operations in OPERATION_PERMISSIONS.items() if operation in operations]
    return bool(having) and not any(may_send(OPERATION_PERMISSIONS, name, operation, actor) for name in having)


async def act(settings: Settings, case: str, operation: str, typed: str, reason: str | None) -> None:
    """Send it and say what has become of it.

    Raises:
        ClearError: it is refused, it needs a log-in, or it is not known whether it was taken.

    """
    actor = command_actor()
    if _needs_log_in(operation, actor):
        raise ClearError(NEEDS_LOG_IN)
    content = content_of(typed, reason)
    async with temporal.opened(settings) as client, database.opened(settings) as sessions:
        operations = operations_by_operators(settings, client, sessions)
        outcome = await operations.send(workflow_id_of(case), operation, content, actor, str(uuid4()))
    if not isinstance(outcome, Done):
        raise ClearError(outcome.reason)
    sys.stdout.write(f"{actor}\t{operation}\t{outcome.text or 'done'}\n")
