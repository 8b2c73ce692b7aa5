"""What operators' pages say of cases that the program itself stops."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends

from models.backoffice.broken_cases import BrokenCase
from models.common.operators import Area
from models.common.web_ui_links import workflow_link
from web.backoffice.desk import DeskContext
from web.common.auth.operator_access import SignedInOperator
from web.common.context import given
from web.common.temporal_calls import UnreachableError, temporal_call

FindBrokenCases = Callable[[], Awaitable[Sequence[BrokenCase]]]
_PATIENCE = timedelta(seconds=3)
"""A page is shown without them rather than late."""


async def no_broken_cases() -> Sequence[BrokenCase]:
    """Find none, where nobody looks."""
    return ()


@dataclass(frozen=True)
class BrokenCasesNow:
    """Looks anew for each page: what is broken is shown as soon as Temporal knows it."""

    find: FindBrokenCases

    async def shown(self, desk: DeskContext, who: SignedInOperator) -> list[tuple[BrokenCase, str]] | None:
        """Return them with their place in the Web UI, none to who may see no cases; None: Temporal does not answer."""
        if not who.may_see(Area.CASES):
            return []
        try:
            async with temporal_call(_PATIENCE):
                found = await self.find()
        except UnreachableError:
            return None
        return [(each, workflow_link(desk.url, desk.namespace, each.workflow_id)) for each in found]


Broken = Annotated[BrokenCasesNow, Depends(given(BrokenCasesNow))]
