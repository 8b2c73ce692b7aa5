"""The pictures: drawn from the description of the stages alone, and with a case's own way."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.common.operator_actions import EndCase
from models.yayoi import procedures
from models.yayoi.diagram import CaseDiagram, StageMark, mermaid
from models.yayoi.diagram_svg import svg
from models.yayoi.early_exits import EARLY_EXITS, early_exits
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.messages import OfficeCase, Outcome
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from tests.support.environment import OFFICE_C, at_rest, environment_with_worker, form
from tests.support.smtp_inbox import SmtpInbox
from workers.commands.diagram import draw_procedures, pictures

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314 our own


def boxes(picture: str) -> dict[str, str]:
    """The class of each box by its name."""
    return {
        str(group.findtext(f"{SVG}text")): group.get("class", "")
        for group in ET.fromstring(picture).iter(f"{SVG}g")  # noqa: S314
    }


def test_the_documents_hold_the_pictures_of_today(tmp_path: Path) -> None:
    draw_procedures(tmp_path)
    for path in pictures():
        drawn = (tmp_path / path).read_text(encoding="utf-8")
        assert (ROOT / "docs" / path).read_text(encoding="utf-8") == drawn, "run: tetsuzuki diagram"
    assert {file.name for file in (ROOT / "docs/procedures").iterdir()} == {
        path.name for path in pictures() if path.parent.name
    }


@pytest.mark.parametrize("procedure", Procedure)
def test_y9_every_stage_of_a_procedure_is_drawn_in_its_order(procedure: Procedure) -> None:
    drawn = list(boxes(svg(CaseDiagram(procedure))))
    assert drawn == [*procedure.stages, "元に戻して終了"]
    text = mermaid(CaseDiagram(procedure))
    places = [text.index(f'"{stage}') for stage in procedure.stages]
    assert places == sorted(places)
    for step in SetUpStep:
        assert (
            (step.label in text)
            == (step.label in texts(svg(CaseDiagram(procedure))))
            == (step in procedure.set_up_steps)
        )


def test_a_new_stage_appears_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    procedure = Procedure.UNLINKED_STANDALONE
    more = (Stage.CHECK, Stage.ATTACH, *procedure.stages[1:])
    monkeypatch.setitem(procedures._STAGES, procedure, more)
    assert list(boxes(svg(CaseDiagram(procedure))))[:-1] == list(more)
    assert str(Stage.ATTACH) in mermaid(CaseDiagram(procedure))


LIVE = CaseDiagram(Procedure.LINKED_NETWORK, (Stage.CHECK, Stage.REMEMBER_LINKS, Stage.SHARING), Stage.SHARING)


def test_the_live_stage_is_marked_done_ones_ticked_skipped_ones_greyed() -> None:
    assert boxes(svg(LIVE)) == {
        "✓ 内容確認": "done",
        "契約者の確認待ち": "skipped",
        "訂正待ち": "skipped",
        "✓ 連携の記録": "done",
        "▶ 共有解除待ち": "live",
        **{str(stage): "plain" for stage in LIVE.procedure.stages[5:]},
        "元に戻して終了": "early",
    }
    assert '"▶ 共有解除待ち' in mermaid(LIVE)
    assert mermaid(LIVE).count(":::live") == 1


@pytest.mark.parametrize("outcome", EARLY_EXITS)
def test_y27_an_early_exit_leaves_the_rest_grey(outcome: Outcome) -> None:
    leaving = replace(LIVE, outcome=outcome)
    assert leaving.mark_of_early_exit is StageMark.LIVE
    left = replace(leaving, live=None)
    assert boxes(svg(left))[f"✓ 元に戻して終了（{outcome}）"] == "done"
    assert {left.mark(stage) for stage in left.procedure.stages[5:]} == {StageMark.SKIPPED}


def test_y25_a_case_that_ended_well_is_ticked_to_its_end() -> None:
    stages = Procedure.UNLINKED_NETWORK.stages
    only_if_needed = (Stage.CONFIRMATION, Stage.CORRECTION, Stage.AFTER_CLOSING)
    visited = tuple(stage for stage in stages if stage not in only_if_needed)
    ended = CaseDiagram(Procedure.UNLINKED_NETWORK, visited, None, Outcome.COMPLETED)
    assert {ended.mark(stage) for stage in visited} == {StageMark.DONE}
    assert {ended.mark(stage) for stage in only_if_needed} == {ended.mark_of_early_exit} == {StageMark.SKIPPED}
    assert "完了" in texts(svg(ended))


@pytest.mark.parametrize("procedure", Procedure)
def test_y27_the_early_exits_that_are_drawn_are_those_that_are_possible(procedure: Procedure) -> None:
    day = datetime(2026, 11, 4, tzinfo=UTC)
    state = OfficeState.of(
        OfficeCase(
            case_no=ApplicationNo("YS-000001"),
            part=1,
            office_name="B",
            procedure=procedure,
            existing_contract_id=ContractId("8871304"),
            applied_at=day,
            due_date=day_in_japan(day),
            expires_on=day_in_japan(day),
            release_delegated=False,
            alert_on=day_in_japan(day),
        )
    )
    by_action = {
        Action.REJECT: Outcome.REJECTED,
        Action.WITHDRAW: Outcome.WITHDRAWN,
        Action.CANCEL: Outcome.CANCELLED,
        Action.ASK_CANCEL: Outcome.CANCELLED,
        Action.EXTEND_DEADLINE: Outcome.EXPIRED,
    }
    for stage in procedure.stages[:-1]:
        state.stage = stage
        state.outcome = Outcome.INCOMPLETE if stage is Stage.AFTER_CLOSING else None
        if stage is Stage.RELINK and procedure.set_up_steps:
            for step in procedure.set_up_steps:
                state.follow_up.record_step(step)
        possible = {by_action[action] for action in OPERATIONS.available(state) if action in by_action}
        assert set(early_exits(procedure, stage)) == possible, stage
        if stage is Stage.NOTIFY:
            state.notified_at = day


async def diagram(database_url: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "diagram", *arguments),
        env=os.environ | {"TETSUZUKI_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


@pytest.mark.long
async def test_a_case_is_drawn_with_its_own_stages(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await environment.apply(form([OFFICE_C]))
        await at_rest(case, Stage.SHARING)
        assert await diagram(database_url, case.application_no) == f"{mermaid(LIVE)}\n"
        assert await diagram(database_url, case.application_no, "--svg", str(tmp_path / "case.svg")) == ""
        assert (tmp_path / "case.svg").read_text(encoding="utf-8") == svg(LIVE)
        assert await diagram(database_url, case.application_no, "--office", "2") == (
            f"error: application/{case.application_no}/office/2 という案件はありません。"
            "申込番号と --office を確認してください。\n"
        )
        await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
        await case.application.result()
        left = CaseDiagram(LIVE.procedure, LIVE.visited, None, Outcome.WITHDRAWN)
        assert await diagram(database_url, case.application_no) == f"{mermaid(left)}\n"
