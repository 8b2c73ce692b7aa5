"""Who can take a case today: what forms that hand one over offer."""

from collections.abc import Sequence

from models.common.operators import Role
from web.backoffice.desk import DeskContext
from web.common.auth.operator_access import SignedInOperator

_CASE_ROLES = {Role.CASEWORKER.value, Role.SUPERVISOR.value}


async def colleagues(desk: DeskContext, who: SignedInOperator) -> Sequence[tuple[str, str]]:
    """Return the handle of each and how they are shown, oneself first."""
    there = [
        (each.row.handle, each.row.name)
        for each in await desk.operators.listed()
        if each.row.takes_cases and not each.row.is_on_leave(desk.today) and not _CASE_ROLES.isdisjoint(each.row.roles)
    ]
    ordered = sorted(there, key=lambda each: each[0] != who.handle)
    return [(handle, f"{name}（自分）" if handle == who.handle else name) for handle, name in ordered]
