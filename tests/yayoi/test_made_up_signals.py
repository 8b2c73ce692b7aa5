"""Anybody who reaches Temporal can send a signal: one with made-up content changes nothing that the rows do not say."""

from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle

from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, details_of, form
from tests.support.matrices import mostly_long
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

CLAIMS: list[list[Any]] = [
    [],
    [{"reason": "取り消し", "by": "operator:sk"}],
    ["remember_links"],
    [{"office_no": 1, "outcome": "完了"}, 17, None],
]


SIGNALS = sorted(
    {
        str(name)
        for procedure in (OfficeDataProcedure, MultiOfficeApplication)
        for name in workflow._Definition.must_from_class(procedure).signals
    }
)


async def facts(case: Case) -> list[object]:
    audit = [(row.action, row.by) for row in await case.audit()]
    pages = [await details_of(handle) for handle in (case.office(), case.application)]
    return [await case.progress(), audit, pages, len(await case.notices())]


@pytest.mark.parametrize("claim", mostly_long(CLAIMS, each_time=CLAIMS[1:2]), ids=str)
async def test_a_signal_with_made_up_content_changes_nothing(environment: Environment, claim: list[Any]) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    before = await facts(case)
    handles: list[WorkflowHandle[Any, Any]] = [case.office(), case.application]
    for signal in SIGNALS:
        for handle in handles:
            await handle.signal(signal, args=claim)
        await case.settled()
        assert await facts(case) == before, signal
