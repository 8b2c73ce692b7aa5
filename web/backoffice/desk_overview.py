"""The overview for supervisors: pictures made here, without script, and the numbers beside each bar."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from models.backoffice.operation_permissions import PROCEDURES
from models.backoffice.overview import AGE_NAMES, LOOKED_BACK
from models.backoffice.store.overview_figures import OverviewFigures
from models.common.operators import Area
from web.backoffice.desk import HOME, Desk, Operator, seeing
from web.common.auth import page_router
from web.common.context import given

OVERVIEW = f"{HOME}/overview"

router = page_router()


@router.get(OVERVIEW, dependencies=[Depends(seeing(Area.OVERVIEW))])
async def show(
    request: Request, desk: Desk, who: Operator, figures: Annotated[OverviewFigures, Depends(given(OverviewFigures))]
) -> Response:
    overview = await figures.read()
    facts = {
        "who": who,
        "overview": overview,
        "age_names": AGE_NAMES,
        "procedures": PROCEDURES,
        "days_back": LOOKED_BACK.days,
        "today": desk.today,
        "most": {
            "ages": max((each.total for each in overview.ages), default=1),
            "lengths": max((each.ninth for each in overview.lengths), default=1.0),
            "due": max((max(each.due, each.capacity) for each in overview.due), default=1) or 1,
            "ends": max((each.cases for each in overview.ends), default=1),
            "acts": max((each.total for each in overview.acts), default=1),
        },
    }
    return desk.show(request, "backoffice/desk_overview.html", facts)
