"""`tetsuzuki act`: an engineer acts as a command, never as an operator, and never as the second person."""

import os

import pytest

from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.ending import end
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, form
from tests.support.running_commands import settings_of
from web.common.operation_sender import NOT_STARTED, NOT_THERE
from workers.commands.act import NEEDS_LOG_IN, act, workflow_id_of
from workers.program import ClearError

pytestmark = pytest.mark.usefixtures("commands_on_the_tests_server")
NO = ApplicationNo("YS-000001")


async def sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    return case


async def test_it_is_signed_as_a_command_with_who_ran_it_and_a_reason(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    case = await sharing(environment)
    await act(settings_of(environment), f"{case.application_no}/1", "add_note", "{}", "調査のため")
    who = f"command:uid-{os.getuid()}"
    assert capsys.readouterr().out == f"{who}\tadd_note\tdone\n"
    assert (Action.ADD_NOTE.label, who, "調査のため") in {
        (row.action, row.by, row.reason) for row in await case.audit()
    }
    await end(case.application, case.office())


async def test_it_neither_asks_nor_approves_nor_names_another_person(environment: Environment) -> None:
    case = await sharing(environment)
    settings, office = settings_of(environment), case.office().id
    for operation in ("approve", "decline", "ask_cancel", "retract_request"):
        with pytest.raises(ClearError, match=NEEDS_LOG_IN):
            await act(settings, office, operation, "{}", "調査のため")
    before = len(await case.audit())
    for name in ("by", "kind", "handle", "supervisor"):
        with pytest.raises(ClearError, match=f"{name}：この項目は受け付けていません。"):
            await act(settings, office, "add_note", f'{{"{name}": "operator:tn"}}', "調査のため")
    assert len(await case.audit()) == before
    await end(case.application, case.office())


async def test_what_is_refused_is_said(environment: Environment) -> None:
    case = await sharing(environment)
    settings = settings_of(environment)
    for where, operation, typed, refusal in (
        (case.office().id, "add_note", "{}", "reason：入力してください。"),
        (case.office().id, "add_note", "[]", "no JSON object"),
        (case.office().id, "add_note", "{", "no JSON"),
        (f"{case.application_no}/x", "add_note", "{}", "an office is named by its number"),
        ("YS-999999", "cancel", '{"reason": "調査のため"}', NOT_STARTED),
        (case.application.id, "add_note", '{"reason": "調査のため"}', NOT_THERE),
    ):
        with pytest.raises(ClearError) as refused:
            await act(settings, where, operation, typed, None)
        assert refusal in str(refused.value)
    await end(case.application, case.office())


def test_a_case_is_named_by_its_number() -> None:
    assert workflow_id_of(NO) == application_workflow_id(NO)
    assert workflow_id_of(f"{NO}/2") == office_workflow_id(NO, 2)
    assert workflow_id_of("webhook/msg_1") == "webhook/msg_1"
