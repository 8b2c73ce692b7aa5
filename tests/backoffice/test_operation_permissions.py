"""Who may send which operation: one table that names every operation of every procedure, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio import workflow

from models.backoffice.correcting_operations import CORRECTED_BY
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS, PROCEDURES
from models.common.actors import Actor, ActorKind
from models.common.allowed_actors import ON_CASES, AllowedActors, may_send
from models.common.operations import Operation
from models.common.operators import Role
from models.yayoi.operator_actions import Action
from tests.support.product_models import every_subclass
from workers.commands.permissions import FILE, permissions_page
from workers.wiring.root import WORKFLOWS

ROOT = Path(__file__).parents[2]
UPDATES = {
    str(definition.name): {str(name) for name in definition.updates}
    for definition in map(workflow._Definition.must_from_class, WORKFLOWS)
    if definition.updates
}
OPERATIONS = {name for updates in UPDATES.values() for name in updates}
EVERY = [(name, operation) for name, operations in OPERATION_PERMISSIONS.items() for operation in operations]


def test_every_update_of_every_procedure_is_in_the_table_and_nothing_else() -> None:
    named = {name: {str(each) for each in operations} for name, operations in OPERATION_PERMISSIONS.items()}
    assert named == UPDATES
    assert PROCEDURES.keys() == OPERATION_PERMISSIONS.keys()


def test_every_operation_of_the_code_is_one_of_some_procedure() -> None:
    known = {(type(operation), operation.value) for _, operation in EVERY}
    defined = {(kind, each.value) for kind in every_subclass(Operation) for each in kind}
    assert known == defined


def test_what_puts_a_mistake_right_is_an_operation_of_the_same_procedure_and_by_the_same_role() -> None:
    for name, correcting in CORRECTED_BY.items():
        for operation in correcting:
            both = [each for each in OPERATION_PERMISSIONS.values() if {name, operation} <= each.keys()]
            assert both, (name, operation)
            of_mistakes = {
                allowed.roles for each in both for mistaken, allowed in each.items() if mistaken.value == name
            }
            assert {each[operation].roles for each in both} <= of_mistakes, name


@pytest.mark.parametrize(("name", "operation"), EVERY, ids=str)
def test_operators_with_cases_may_and_those_without_may_not(name: str, operation: Operation) -> None:
    def may(*roles: Role) -> bool:
        return may_send(OPERATION_PERMISSIONS, name, operation.value, Actor(ActorKind.OPERATOR, "tanaka", roles))

    assert may(Role.CASEWORKER) is (operation not in BY_SUPERVISORS)
    assert may(Role.SUPERVISOR)
    assert may(Role.AUDITOR, Role.SUPERVISOR)
    assert not may(Role.AUDITOR)
    assert not may(Role.ADMINISTRATOR)
    assert not may(Role.AUDITOR, Role.ADMINISTRATOR)
    assert not may()


BY_SUPERVISORS = {Action.APPROVE, Action.DECLINE}
"""What needs a second person; who asks has logged in, too, so that it can be told from who approves."""
OTHERS = {
    ("OfficeDataProcedure", "correct_pair"): {"applicant"},
    ("OfficeDataProcedure", "release_sharing"): {"applicant"},
    ("OfficeDataProcedure", "report_sharing_released"): {"applicant", "system"},
    ("OfficeDataProcedure", "report_set_up_step"): {"yayoi_id", "system"},
    ("OfficeDataProcedure", "report_relink"): {"yayoi_id", "system"},
    ("OfficeDataProcedure", "correct_relink"): {"yayoi_id"},
    ("OfficeDataProcedure", "withdraw"): {"applicant"},
    ("UserInvitation", "resend"): {"firm"},
    ("UserInvitation", "withdraw"): {"firm"},
}
"""Y27, M8: what customers and other systems may do themselves."""


@pytest.mark.parametrize(("name", "operation"), EVERY, ids=str)
def test_others_may_do_what_is_listed_and_a_command_what_needs_no_second_person(
    name: str, operation: Operation
) -> None:
    may = {
        kind.value
        for kind in ActorKind
        if kind is not ActorKind.OPERATOR
        and may_send(OPERATION_PERMISSIONS, name, operation.value, Actor(kind, "someone", tuple(Role)))
    }
    command = set() if operation in {*BY_SUPERVISORS, Action.ASK_CANCEL, Action.RETRACT_REQUEST} else {"command"}
    assert may == command | OTHERS.get((name, operation.value), set())


@given(
    st.text().filter(lambda name: name not in UPDATES),
    st.text().filter(lambda name: name not in OPERATIONS),
    st.sampled_from(list(ActorKind)),
)
def test_what_the_table_does_not_name_nobody_may(name: str, operation: str, kind: ActorKind) -> None:
    actor = Actor(kind, "someone", tuple(Role))
    assert not may_send(OPERATION_PERMISSIONS, name, "hold", actor)
    assert not may_send(OPERATION_PERMISSIONS, "OfficeDataProcedure", operation, actor)
    assert not may_send({}, "OfficeDataProcedure", "hold", actor)
    assert not AllowedActors().permit(actor)


@pytest.mark.parametrize("field", [{"kind": "a_kind_of_tomorrow"}, {"roles": ("a_role_of_tomorrow",)}])
def test_what_only_a_later_build_knows_allows_nothing(field: dict[str, Any]) -> None:
    assert not ON_CASES.permit(Actor(**{"kind": ActorKind.OPERATOR, "handle": "tanaka"} | field))


def test_the_page_of_the_documents_says_what_the_table_says() -> None:
    assert (ROOT / "docs" / FILE).read_text(encoding="utf-8") == permissions_page(), "run: tetsuzuki permissions"
