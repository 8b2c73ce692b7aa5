"""How far a case is, for its diagram: from its status row and the stages that it has entered."""

from models.common.store.case_status import stages_of, status_of
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationRow
from models.yayoi.diagram import CaseDiagram
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure, Stage


async def case_diagram(session: DatabaseSession, number: ApplicationNo, office_no: int) -> CaseDiagram | None:
    """Return an office's procedure with how far it is, the stages of undoing left aside; None if there is no case."""
    application = await session.get(ApplicationRow, number)
    status = await status_of(session, number, office_no)
    if application is None or status is None:
        return None
    stage, ended = Stage(status.stage), status.outcome or status.ending
    entered = [each for each in await stages_of(session, number, office_no) if not each.undoing]
    return CaseDiagram(
        procedure=Procedure(application.procedure),
        visited=tuple(dict.fromkeys(Stage(each.stage) for each in entered)),
        live=None if stage is Stage.CLOSED else stage,
        outcome=Outcome(ended) if ended else None,
    )
