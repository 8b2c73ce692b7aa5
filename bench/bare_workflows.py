"""What a *bare* procedure costs on Temporal: the commands of commit 2bccf77, in their order, with empty bodies.

Fixed on purpose. Nothing here is taken from the product: it stays what it is when the product needs fewer commands. On
the straight way, up to the timer of the first reminder after the notice, its histories have `APPLICATION_EVENTS` and
`OFFICE_EVENTS`, as those of that commit.

Inputs, search attributes, summaries and details have the sizes that they had there; activities return nothing.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.workflow import ParentClosePolicy

APPLICATION_EVENTS = 35
OFFICE_EVENTS = 63

APPLICATION_NO = SearchAttributeKey.for_keyword("ApplicationNo")
STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
ASSIGNEE = SearchAttributeKey.for_keyword("Assignee")
PROCEDURE = SearchAttributeKey.for_keyword("Procedure")
EXISTING_CONTRACT_ID = SearchAttributeKey.for_keyword("ExistingContractId")
DUE_DATE = SearchAttributeKey.for_datetime("DueDate")
OVERDUE = SearchAttributeKey.for_bool("Overdue")
ON_HOLD = SearchAttributeKey.for_bool("OnHold")
FAILING = SearchAttributeKey.for_bool("Failing")
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    *(APPLICATION_NO, STAGE, WAITING_FOR, ASSIGNEE, PROCEDURE),
    *(EXISTING_CONTRACT_ID, DUE_DATE, OVERDUE, ON_HOLD, FAILING),
)

REST = "STEP5・6 待ち"
"""The stage in which an office waits for the customer after its notice."""
NOTICE = "completion_notice"
"""The activity id of an office's notice."""
_SYSTEM, _APPLICANT, _OPERATOR = "弥生", "申込者", "佐藤"
_OPEN_POINTS = (
    "STEP5 サポート・サービスのパスワード設定",
    "STEP6 事業グループの新規作成",
    "STEP6 製品の登録",
    "STEP6 保有製品の登録",
    "口座連携「みずうみ銀行 普通 7654321」の再連携",
)
DETAILS = "| 項目 | 内容 |\n|---|---|\n" + "| お客様番号 | 8000001 |\n" * 20

_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)
_REGISTRY: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=30), "retry_policy": _PATIENT}
_MAIL: dict[str, Any] = {"start_to_close_timeout": timedelta(minutes=1), "retry_policy": _PATIENT}
_LOOK_UP: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=10), "retry_policy": _PATIENT}
_UNTIL_THE_ALERT = timedelta(days=9)
_UNTIL_THE_REMINDER = timedelta(days=4)


@dataclass(frozen=True)
class BareOffice:
    """What an office's procedure starts with."""

    application_no: str
    office_no: int = 1
    office_name: str = "事業所1"
    procedure: str = "会計連携あり・ネットワーク製品"
    existing_contract_id: str = "8000001"
    applied_at: str = "2026-11-22T04:17:28.984851Z"
    due_date: str = "2026-12-04"
    expires_on: str = "2026-12-11"
    release_delegated: bool = False
    alert_on: str = "2026-12-01"
    assignee: str | None = None


@dataclass(frozen=True)
class BareCase:
    """What an application starts with."""

    application_no: str
    offices: tuple[BareOffice, ...]

    @classmethod
    def of(cls, application_no: str) -> "BareCase":
        """Return an application with one office."""
        return cls(application_no, (BareOffice(application_no),))


@dataclass(frozen=True)
class BareStep:
    """What is done for an office, or for an application (None)."""

    application_no: str
    office_no: int | None
    at: datetime


@dataclass(frozen=True)
class BareAssignment(BareStep):
    """Who is to be in charge."""

    occurrence: int = 1
    to: str | None = None
    but_not: str | None = None
    by: str = "system"
    reason: str = ""


@dataclass(frozen=True)
class BareMail(BareStep):
    """Which mail is sent."""

    kind: str
    occurrence: int = 1
    points: tuple[str, ...] = ()
    until: str | None = None


@dataclass(frozen=True)
class BareProgress:
    """What an office reports to its application."""

    office_no: int
    office_name: str
    stage: str = REST
    waiting_for: str = _APPLICANT
    waits_until: str | None = "2026-12-22"
    contract_id: str | None = "7000000"
    open_points: tuple[str, ...] = _OPEN_POINTS
    outcome: str | None = None
    overdue: bool = False
    held: bool = False
    assignee: str | None = _OPERATOR


class BareActivities:
    """Each does nothing."""

    @activity.defn
    async def assign_operator(self, step: BareAssignment) -> None: ...

    @activity.defn
    async def send_mail(self, mail: BareMail) -> None: ...

    @activity.defn
    async def check_pair(self, step: BareStep) -> None: ...

    @activity.defn
    async def freeze_smart_import(self, step: BareStep) -> None: ...

    @activity.defn
    async def remember_links(self, step: BareStep) -> None: ...

    @activity.defn
    async def sharing_state(self, step: BareStep) -> None: ...

    @activity.defn
    async def issue_contract_id(self, step: BareStep) -> None: ...

    @activity.defn
    async def thaw_smart_import(self, step: BareStep) -> None: ...

    @activity.defn
    async def business_days(self, step: BareStep) -> None: ...

    @activity.defn
    async def publish_stage_change(self, step: BareStep) -> None: ...

    @property
    def all(self) -> list[Any]:
        """What a worker takes."""
        return [
            self.assign_operator,
            self.send_mail,
            self.check_pair,
            self.freeze_smart_import,
            self.remember_links,
            self.sharing_state,
            self.issue_contract_id,
            self.thaw_smart_import,
            self.business_days,
            self.publish_stage_change,
        ]


def office_id(application_no: str) -> str:
    """The workflow id of an application's office."""
    return f"{application_no}-1"


def started_with(office: BareOffice, stage: str) -> TypedSearchAttributes:
    """Return the search attributes with which an application or its office starts."""
    assignee = [SearchAttributePair(ASSIGNEE, office.assignee)] if office.assignee else []
    return TypedSearchAttributes(
        [
            *assignee,
            SearchAttributePair(APPLICATION_NO, office.application_no),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(WAITING_FOR, _SYSTEM),
            SearchAttributePair(PROCEDURE, office.procedure),
            SearchAttributePair(EXISTING_CONTRACT_ID, office.existing_contract_id),
            SearchAttributePair(DUE_DATE, datetime.fromisoformat(f"{office.due_date}T23:59:59+09:00")),
            SearchAttributePair(OVERDUE, False),
            SearchAttributePair(ON_HOLD, False),
        ]
    )


@workflow.defn
class BareApplication:
    """Assigns, starts its office, mails the receipt, and publishes each change of stage."""

    @workflow.init
    def __init__(self, case: BareCase) -> None:
        self._case = case
        self._changes = 0

    @workflow.run
    async def run(self, case: BareCase) -> None:
        if workflow.patched("publish-stage-changes"):
            publishing = asyncio.create_task(self._publish())
        self._changes += 2  # of the office and of the whole
        await workflow.execute_activity_method(
            BareActivities.assign_operator,
            BareAssignment(case.application_no, None, workflow.now()),
            summary="担当者を決める",
            **_REGISTRY,
        )
        workflow.upsert_search_attributes([ASSIGNEE.value_set(_OPERATOR)])
        [office] = case.offices
        child = await workflow.start_child_workflow(
            BareOfficeProcedure.run,
            BareOffice(office.application_no, assignee=_OPERATOR),
            id=office_id(case.application_no),
            search_attributes=started_with(BareOffice(office.application_no, assignee=_OPERATOR), "内容確認"),
            static_summary=f"{office.office_name}（{case.application_no} の 1 件目）",
            static_details=DETAILS,
            parent_close_policy=ParentClosePolicy.ABANDON,
        )
        await workflow.execute_activity_method(
            BareActivities.send_mail,
            BareMail(case.application_no, None, workflow.now(), "receipt"),
            summary="メール：【弥生】『スマート証憑管理』複数事業所データ管理のお申し込みを受け付けました",
            **_MAIL,
        )
        workflow.upsert_search_attributes([STAGE.value_set("手続き中"), FAILING.value_set(False)])
        self._show(_SYSTEM)
        self._changes += 1
        await child
        publishing.cancel()

    @workflow.signal
    def office_progressed(self, progress: BareProgress) -> None:
        self._show(progress.waiting_for)
        self._changes += 1

    def _show(self, waiting_for: str) -> None:
        workflow.upsert_search_attributes(
            [WAITING_FOR.value_set(waiting_for), OVERDUE.value_set(False), ON_HOLD.value_set(False)]
        )

    async def _publish(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._changes > 0)
            await workflow.execute_local_activity_method(
                BareActivities.publish_stage_change,
                BareStep(self._case.application_no, None, workflow.now()),
                summary="段階の変化を他のシステムに知らせる準備をする",
                **_LOOK_UP,
            )
            self._changes -= 1


@workflow.defn
class BareOfficeProcedure:
    """One activity and one change of search attributes for each stage, then a report and the wait for the customer."""

    @workflow.init
    def __init__(self, office: BareOffice) -> None:
        self._office = office

    @workflow.run
    async def run(self, office: BareOffice) -> None:  # noqa: ARG002 the SDK wants the same as in `__init__`
        alert = asyncio.create_task(workflow.sleep(_UNTIL_THE_ALERT, summary="完了予定日が近いことを担当者に知らせる"))
        await self._step("内容確認", BareActivities.check_pair, "弥生ID と事業所トークンを確認する")
        await self._step("取込の凍結", BareActivities.freeze_smart_import, "スマート取引取込を凍結する")
        await self._step("連携の記録", BareActivities.remember_links, "連携しているサービスを記録する")
        await self._step("共有解除待ち", BareActivities.sharing_state, "会計事務所との共有を確認する")
        await self._step("契約IDの発行", BareActivities.issue_contract_id, "サービス契約ID を発行する")
        await self._notify()
        alert.cancel()
        await self._step("凍結の解除", BareActivities.thaw_smart_import, "スマート取引取込の凍結を解除する")
        await self._report()
        await workflow.execute_local_activity_method(
            BareActivities.business_days, self._what(), summary="営業日を調べる", **_LOOK_UP
        )
        await workflow.sleep(_UNTIL_THE_REMINDER, summary="残っている設定を催促する（1 回目）")

    def _enter(self, stage: str) -> None:
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(_SYSTEM)])

    async def _step(self, stage: str, method: Any, summary: str) -> None:
        self._enter(stage)
        await workflow.execute_activity_method(method, self._what(), summary=summary, **_REGISTRY)

    async def _notify(self) -> None:
        self._enter("完了通知")
        await workflow.execute_activity_method(
            BareActivities.send_mail,
            BareMail(self._office.application_no, self._office.office_no, workflow.now(), NOTICE),
            activity_id=NOTICE,
            summary="メール：【弥生】『スマート証憑管理』複数事業所データ管理用「サービス契約ID（お客様番号）」のお知らせ",
            **_MAIL,
        )

    async def _report(self) -> None:
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(REST),
                WAITING_FOR.value_set(_APPLICANT),
                OVERDUE.value_set(False),
                ON_HOLD.value_set(False),
                ASSIGNEE.value_set(_OPERATOR),
            ]
        )
        application = workflow.get_external_workflow_handle_for(BareApplication.run, self._office.application_no)
        await application.signal(
            BareApplication.office_progressed, BareProgress(self._office.office_no, self._office.office_name)
        )

    def _what(self) -> BareStep:
        return BareStep(self._office.application_no, self._office.office_no, workflow.now())
