"""Who may send an operation: which roles of operators, and which other kinds of actor."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.common.actors import Actor, ActorKind
from models.common.operations import Operation
from models.common.operators import Role


@dataclass(frozen=True)
class AllowedActors:
    """Who may send one operation of one procedure."""

    roles: frozenset[Role] = frozenset()
    """An operator needs one of them."""
    kinds: frozenset[ActorKind] = frozenset()
    """Who else may, as somebody of this kind; whether the case is theirs is checked by whoever signs for them."""

    def and_also(self, *kinds: ActorKind) -> "AllowedActors":
        return AllowedActors(self.roles, self.kinds | set(kinds))

    def permit(self, actor: Actor) -> bool:
        """Whether this actor may; a role or kind that is not known here allows nothing."""
        if actor.kind == ActorKind.OPERATOR:
            return actor.has_any(self.roles)
        return actor.kind in self.kinds


ON_CASES = AllowedActors(frozenset({Role.CASEWORKER, Role.SUPERVISOR}), frozenset({ActorKind.COMMAND}))
"""Every operation on any case. 監査 changes nothing, and 管理者 has no case."""

BY_OPERATORS = AllowedActors(frozenset({Role.CASEWORKER, Role.SUPERVISOR}))
"""Operators who have logged in: whoever approves can tell that it was not them who asked."""
BY_WHO_ASKED = AllowedActors(BY_OPERATORS.roles)
"""The one of them who has asked for what waits for a supervisor."""
BY_SUPERVISORS = AllowedActors(frozenset({Role.SUPERVISOR}))
"""What needs a second person, by their own log-in: no command speaks for one."""

ProcedurePermissions = Mapping[Operation, AllowedActors]
"""Of each operation of one procedure; also found by the operation's name."""
Permissions = Mapping[str, ProcedurePermissions]
"""By workflow type."""


def may_send(permissions: Permissions, workflow_type: str, operation: str, actor: Actor) -> bool:
    """Whether an actor may send an operation to a workflow; what the table does not name nobody may."""
    named = {str(each): allowed for each, allowed in permissions.get(workflow_type, {}).items()}
    return operation in named and named[operation].permit(actor)
