"""`tetsuzuki permissions`: who may send which operation, as a page of the documents."""

from pathlib import Path

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS, PROCEDURES
from models.common.actors import ActorKind
from models.common.allowed_actors import AllowedActors, ProcedurePermissions
from models.common.operators import Role

FILE = "permissions.ja.md"
_HEAD = """\
# だれが、どの操作をできるか / Who may send which operation

Written by `tetsuzuki permissions` from `models/backoffice/operation_permissions.py`: change that, not this. The same
table is what a signed operation is checked with.

案件を操作できる担当者の役割は、「担当者」と「責任者」です。「監査」は見るだけで何も変えず、「管理者」は案件を扱いません。
「コマンド」は、技術担当者がコマンドで送る操作です。表にない操作は、だれにもできません。
"""


def write_permissions(into: Path) -> None:
    """Write the page into a folder of documents."""
    (into / FILE).write_text(permissions_page(), encoding="utf-8")


def permissions_page() -> str:
    """Return the page: a table for each procedure, and a column for each role and kind that may anything anywhere."""
    return "\n".join([_HEAD, *(_section(name, of) for name, of in OPERATION_PERMISSIONS.items())])


def _section(workflow_type: str, permissions: ProcedurePermissions) -> str:
    everybody = list(permissions.values())
    roles = [role for role in Role if any(role in allowed.roles for allowed in everybody)]
    kinds = [kind for kind in ActorKind if any(kind in allowed.kinds for allowed in everybody)]
    heads = ["操作", "すること", *(role.label for role in roles), *(kind.label for kind in kinds)]
    rows = [
        [f"`{operation.value}`", operation.label, *_marks(allowed, roles, kinds)]
        for operation, allowed in permissions.items()
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {PROCEDURES[workflow_type]}（`{workflow_type}`）\n\n{table}\n"


def _marks(allowed: AllowedActors, roles: list[Role], kinds: list[ActorKind]) -> list[str]:
    may = [*(role in allowed.roles for role in roles), *(kind in allowed.kinds for kind in kinds)]
    return ["○" if each else "" for each in may]
