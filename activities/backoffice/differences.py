"""What does not fit together between registry, cases and Temporal. Reads only; the reconciliation repairs."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased
from temporalio.client import Client

from activities.backoffice.broken_cases import BrokenCases
from activities.backoffice.myics_differences import MyicsDifferences
from activities.backoffice.waiting_rows import SOON, waiting_rows
from activities.common.workflow_status import WorkflowStatus, statuses_of
from activities.yayoi.open_pairs import OpenPair, open_pairs
from activities.yayoi.registry.protocols import SmartImport
from activities.yayoi.started_applications import started_submission
from models.backoffice.reconciliation import Finding, FindingKind, Repair
from models.common.calendar import JST, day_in_japan
from models.common.store.ledger import StepTransaction, key_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.identifiers import RegistrationNo
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow, EventRow, LedgerRow, NoticeRow, OfficeRow
from models.yayoi.customer_events import event_label
from models.yayoi.identifiers import ApplicationNo, OfficeToken, application_workflow_id, office_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeRef
from models.yayoi.procedures import Stage

FIRST_REPORT_WITHIN = timedelta(hours=25)
"""A little more than from one reconciliation to the next: what came since then was in no report."""
NOTICE_WITHIN = timedelta(days=1)
"""The notice follows at once when an ID is issued."""


FOREIGN = (
    "Temporal に、同じ番号の別の手続きがあるため、始めることができません。"
    "接続先とバックアップからの復元の有無を確認し、技術担当者に伝えてください。"
)
AT_MOST = 500
"""Findings of one look: a registry that fits nothing (a wrong namespace, an old backup) must not outgrow a message."""


class Differences:
    """Compares our records with the registry and with Temporal."""

    def __init__(
        self, sessions: DatabaseSessions, client: Client, smart_import: SmartImport, broken: BrokenCases
    ) -> None:
        self._broken = broken
        self._sessions = sessions
        self._client = client
        self._smart_import = smart_import
        self._myics = MyicsDifferences(sessions, client)

    async def find(self, at: datetime) -> list[Finding]:
        """Return everything that does not fit. Raises `RPCError` if Temporal does not answer."""
        async with self._sessions() as session:
            # One snapshot: else what changes between two queries looks like a difference.
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            pairs = await open_pairs(session)
            frozen = await self._smart_import.frozen(StepTransaction.to_read(session, at))
            contracts = await _contracts_of(session, frozen)
            stuck = [*await _undelivered_mails(session, at), *await _waiting_events(session, at)]
            stuck += [*await _not_started(session, at), *await waiting_rows(session, at)]
            unnoticed = await _notice_not_sent(session, at)
            late = await _after_closing(session)
        workflow_ids = {pair.workflow_id for pair in pairs} | {pair.application_id for pair in pairs}
        workflow_ids |= {workflow_id for pair in frozen.values() if (workflow_id := _workflow_of(pair))}
        workflow_ids |= {office_workflow_id(ref.case_no, ref.part) for ref in late}
        statuses = await statuses_of(self._client, workflow_ids)
        stuck = await self._named_foreign(stuck)
        adrift = await self._still_open([finding for pair in pairs if (finding := judge(pair, statuses))])
        lost = {(finding.application_no, finding.office_no) for finding in adrift}
        found = [
            *(broken.finding for broken in await self._broken.find()),
            *adrift,
            *_stray_freezes(frozen, pairs, statuses, contracts),
            *_lost_freezes(frozen, pairs, statuses),
            *_unfollowed(late, statuses),
            *(finding for finding in unnoticed if (finding.application_no, finding.office_no) not in lost),
            *stuck,
            *await self._myics.find(at),
        ]
        return found if len(found) <= AT_MOST else [*found[:AT_MOST], _more(len(found) - AT_MOST)]

    async def abandoned(self, ref: OfficeRef) -> OpenPair | None:
        """Return the pair if it is open now and to be undone."""
        async with self._sessions() as session:
            pairs = await open_pairs(session, ref)
        for pair in pairs:
            statuses = await statuses_of(self._client, (pair.workflow_id, pair.application_id))
            finding = judge(pair, statuses)
            if finding and finding.repair is Repair.UNDO:
                return pair
        return None

    async def never_started(self, number: ApplicationNo, at: datetime) -> tuple[int, ...]:
        """Give up starting an application; return its open offices, none if it was started after all."""
        workflow_id = application_workflow_id(number)
        if (await statuses_of(self._client, (workflow_id,)))[workflow_id] is not WorkflowStatus.UNKNOWN:
            return ()  # it is only not marked as started yet
        async with self._sessions.begin() as session:
            row = await session.get_one(ApplicationRow, number, with_for_update=True)
            if row.started_at is not None:
                return ()
            row.closed_at = row.closed_at or at  # nobody starts it from now on
            pairs = select(ApplicationOfficeRow.office_no).filter_by(application_no=number, closed_at=None)
            return tuple(await session.scalars(pairs.order_by(ApplicationOfficeRow.office_no)))

    async def left_open(self) -> list[Finding]:
        """Return applications that no workflow will finish, though all their offices have been closed.

        Their own workflow was ended by hand, or one of an office was, and theirs left that one to the reconciliation.
        """
        left = select(ApplicationRow.application_no).where(
            ApplicationRow.closed_at.is_(None), ApplicationRow.started_at.is_not(None), ~_HAS_OPEN_OFFICE
        )
        async with self._sessions() as session:
            numbers = [ApplicationNo(number) for number in await session.scalars(left)]
        statuses = await statuses_of(self._client, map(application_workflow_id, numbers))
        return [
            Finding(
                kind=FindingKind.LEFT_OPEN,
                application_no=number,
                detail=f"申込全体の手続きが{how}。事業所データの手続きはすべて終わっています。",
                repair=Repair.CLOSE,
            )
            for number in numbers
            if (how := _LEFT_OPEN.get(statuses[application_workflow_id(number)]))
        ]

    async def _named_foreign(self, findings: list[Finding]) -> list[Finding]:
        """Name an application that is not started because Temporal has another workflow of its number."""
        waiting = {each.workflow_id for each in findings if each.kind is FindingKind.NOT_STARTED and each.workflow_id}
        statuses = await statuses_of(self._client, waiting)
        foreign = {each for each in waiting if statuses[each] is not WorkflowStatus.UNKNOWN}
        foreign -= {each for each in foreign if await self._is_our_own(each)}  # it is only not marked as started yet
        return [
            each.model_copy(update={"kind": FindingKind.FOREIGN, "detail": FOREIGN, "repair": None})
            if each.workflow_id in foreign
            else each
            for each in findings
        ]

    async def _is_our_own(self, workflow_id: str) -> bool:
        started_for = await started_submission(self._client, workflow_id)
        async with self._sessions() as session:
            submissions = select(ApplicationRow.submission_id)
            number = workflow_id.partition("/")[2]
            return started_for == await session.scalar(submissions.filter_by(application_no=number))

    async def _still_open(self, findings: list[Finding]) -> list[Finding]:
        """Skip what was closed while Temporal was asked."""
        async with self._sessions() as session:
            now_open = {(pair.ref.case_no, pair.ref.part) for pair in await open_pairs(session)}
        return [finding for finding in findings if (finding.application_no, finding.office_no) in now_open]


_HAS_OPEN_OFFICE = exists().where(
    ApplicationOfficeRow.application_no == ApplicationRow.application_no, ApplicationOfficeRow.closed_at.is_(None)
)
_LEFT_OPEN = {
    WorkflowStatus.ENDED: "強制終了されています",
    WorkflowStatus.COMPLETED: "、強制終了された事業所データを残して終わっています",
}


def _more(count: int) -> Finding:
    return Finding(
        kind=FindingKind.MORE,
        detail=f"ほかに {count} 件あります。接続先とバックアップからの復元の有無を確認し、もう一度照合してください。",
    )


def judge(pair: OpenPair, statuses: Mapping[str, WorkflowStatus]) -> Finding | None:
    """Return what is wrong with an open pair; None: its procedure runs, or is about to."""
    own, application = statuses[pair.workflow_id], statuses[pair.application_id]
    if _is_led(pair, statuses):
        return None
    repair = None
    if not (own is WorkflowStatus.ENDED or (own is WorkflowStatus.UNKNOWN and application is WorkflowStatus.ENDED)):
        detail = (
            "Temporal の記録と合いません（手続きが見つからないか、すでに完了しています）。"
            "接続先とバックアップからの復元の有無を確認してください。自動では何も変更していません。"
        )
    elif pair.begun:
        detail = (
            "手続きが強制終了されていますが、お客様が STEP5 以降を始めているため、自動では元に戻しません。"
            "Web UI の Reset で手続きを再開するか、責任者に相談してください。"
        )
    else:
        repair = Repair.UNDO
        detail = "手続きが強制終了されています。申し込みの前の状態に戻し、申込者にお知らせします。"
    return Finding(
        kind=FindingKind.ABANDONED,
        application_no=pair.ref.case_no,
        office_no=pair.ref.part,
        detail=detail,
        repair=repair,
    )


def _is_led(pair: OpenPair, statuses: Mapping[str, WorkflowStatus]) -> bool:
    """Whether its procedure runs, or is about to."""
    own, application = statuses[pair.workflow_id], statuses[pair.application_id]
    may_still_start = application is WorkflowStatus.RUNNING or pair.application_started_at is None
    return own is WorkflowStatus.RUNNING or (own is WorkflowStatus.UNKNOWN and may_still_start)


async def _contracts_of(session: DatabaseSession, frozen: Mapping[OfficeToken, str]) -> Mapping[str, str]:
    """Return of which contract each office is, as far as our own records know it."""
    office = OfficeRow
    of_others = [token for token, name in frozen.items() if _workflow_of(name) is None]
    known = select(office.office_token, office.existing_contract_id).where(office.office_token.in_(of_others))
    return {row.office_token: row.existing_contract_id for row in await session.execute(known)}


def _stray_freezes(
    frozen: Mapping[OfficeToken, str],
    pairs: list[OpenPair],
    statuses: Mapping[str, WorkflowStatus],
    contracts: Mapping[str, str],
) -> Iterator[Finding]:
    """Y12: frozen for a pair that is closed or unknown, holds another token or none, or has thawed it."""
    by_name = {pair.name: pair for pair in pairs}
    for token, name in frozen.items():
        pair = by_name.get(name)
        if pair and pair.may_freeze(token):
            continue
        workflow_id = _workflow_of(name)
        if workflow_id is None:
            whose = f"サービス契約ID {contracts[token]} の" if token in contracts else ""
            detail = f"{whose}事業所データが、手続き以外の理由で凍結されています。解除してよいかを確認してください。"
            yield Finding(kind=FindingKind.STRAY_FREEZE, detail=detail)
        elif pair or statuses[workflow_id] is not WorkflowStatus.RUNNING:
            number, _, office = name.partition(":")
            yield Finding(
                kind=FindingKind.STRAY_FREEZE,
                application_no=ApplicationNo(number),
                office_no=int(office),
                detail="手続きが終わっているのに、スマート取引取込が凍結されています。",
                repair=Repair.THAW,
            )


def _lost_freezes(
    frozen: Mapping[OfficeToken, str], pairs: list[OpenPair], statuses: Mapping[str, WorkflowStatus]
) -> Iterator[Finding]:
    """Y12: between freeze and notice, but smart import runs."""
    for pair in pairs:
        token = pair.keeps_frozen
        if token is None or frozen.get(token) == pair.name:
            continue
        if not _is_led(pair, statuses):
            continue
        other = frozen.get(token)
        yield Finding(
            kind=FindingKind.LOST_FREEZE,
            application_no=pair.ref.case_no,
            office_no=pair.ref.part,
            detail=f"別の手続き（{other}）で凍結されています。" if other else "手続きの途中で凍結が外れています。",
            repair=None if other else Repair.FREEZE,
        )


def _unfollowed(late: list[OfficeRef], statuses: Mapping[str, WorkflowStatus]) -> Iterator[Finding]:
    """Y25: what is open could still be done, but nothing takes it."""
    for ref in late:
        if statuses[office_workflow_id(ref.case_no, ref.part)] is not WorkflowStatus.RUNNING:
            yield Finding(
                kind=FindingKind.UNFOLLOWED,
                application_no=ref.case_no,
                office_no=ref.part,
                detail="終了後の受け付け中に手続きが止められたため、お客様は残りの設定を画面で行えません。"
                "Web UI の Reset で手続きを再開してください。",
            )


async def _after_closing(session: DatabaseSession) -> list[OfficeRef]:
    rows = await session.execute(
        select(CaseStatusRow.case_no, CaseStatusRow.part).where(CaseStatusRow.stage == Stage.AFTER_CLOSING)
    )
    return [OfficeRef(case_no=ApplicationNo(number), part=part) for number, part in rows]


def _workflow_of(pair: str) -> str | None:
    """Return the workflow of a pair as registry rows name it; None for a text that names none."""
    number, _, office = pair.partition(":")
    try:
        return office_workflow_id(ApplicationNo(number), int(office))
    except ValueError:
        return None


async def _notice_not_sent(session: DatabaseSession, at: datetime) -> list[Finding]:
    """By our own records: which steps were taken, and which mails were sent."""
    pair, issued, revoked = ApplicationOfficeRow, aliased(LedgerRow), aliased(LedgerRow)
    notice = exists().where(
        NoticeRow.case_no == pair.application_no,
        NoticeRow.part == pair.office_no,
        NoticeRow.kind == MailKind.COMPLETION_NOTICE,
        NoticeRow.sent_at.is_not(None),
    )
    rows = await session.execute(
        select(pair, issued.result["contract_id"].astext, issued.recorded_at)
        .join(issued, issued.key == key_of(pair.application_no, pair.office_no, "issue"))
        .where(
            issued.recorded_at < at - NOTICE_WITHIN,
            ~exists().where(revoked.key == key_of(pair.application_no, pair.office_no, "revoke")),
            ~notice,
        )
        .order_by(issued.recorded_at)
    )
    return [
        _about(
            row,
            FindingKind.NOTICE_NOT_SENT,
            f"{issued_id} は {_time(issued_at)} に発行されましたが、お知らせが未送信です。",
        )
        for row, issued_id, issued_at in rows
    ]


async def _undelivered_mails(session: DatabaseSession, at: datetime) -> list[Finding]:
    """Return mails that could not be sent, and those that have come back.

    Each is reported at least once, and every day only while its case is open and it was not sent again.
    """
    pair, case = ApplicationOfficeRow, ApplicationRow
    of_open_pair = exists().where(
        pair.application_no == NoticeRow.case_no,
        pair.office_no == NoticeRow.part,
        pair.closed_at.is_(None),
    )
    of_open_case = NoticeRow.part.is_(None) & exists().where(
        case.application_no == NoticeRow.case_no, case.closed_at.is_(None)
    )
    unsent = NoticeRow.sent_at.is_(None) & (NoticeRow.created_at < at - SOON)
    known_since = func.coalesce(NoticeRow.bounced_at, NoticeRow.created_at)
    not_reported_yet = known_since > at - FIRST_REPORT_WITHIN
    once_more = aliased(NoticeRow)
    sent_since = exists().where(
        once_more.case_no == NoticeRow.case_no,
        once_more.part.is_not_distinct_from(NoticeRow.part),
        once_more.kind == NoticeRow.kind,
        once_more.sent_at > func.coalesce(NoticeRow.sent_at, NoticeRow.created_at),
    )
    rows = await session.scalars(
        select(NoticeRow)
        .where(
            unsent | NoticeRow.bounced_at.is_not(None),
            not_reported_yet | of_open_pair | of_open_case,
            ~sent_since,
        )
        .order_by(known_since, NoticeRow.key)
    )
    return [
        _about_mail(
            row,
            FindingKind.RETURNED_MAIL if row.bounced_at else FindingKind.PENDING_MAIL,
            f"「{row.subject}」{_why_undelivered(row)}",
        )
        for row in rows
    ]


def _why_undelivered(notice: NoticeRow) -> str:
    if notice.bounced_at:
        return f"が届かずに、{_time(notice.bounced_at)} に戻りました。{notice.bounced_because}"
    if notice.refused_because:
        return f"が宛先に届きません。{notice.refused_because}もう送っていません。"
    return f"を {_time(notice.created_at)} から送信できていません。"


async def _waiting_events(session: DatabaseSession, at: datetime) -> list[Finding]:
    rows = await session.scalars(
        select(EventRow)
        .where(EventRow.delivered_at.is_(None), EventRow.refused_because.is_(None), EventRow.received_at < at - SOON)
        .order_by(EventRow.received_at)
    )
    return [
        _about(
            row,
            FindingKind.WAITING_EVENT,
            f"{_time(row.received_at)} に受け取った連絡（{event_label(row.kind)}）が手続きに届いていません。",
        )
        for row in rows
    ]


async def _not_started(session: DatabaseSession, at: datetime) -> list[Finding]:
    rows = await session.scalars(
        select(ApplicationRow)
        .where(ApplicationRow.started_at.is_(None), ApplicationRow.applied_at < at - SOON, _HAS_OPEN_OFFICE)
        .order_by(ApplicationRow.applied_at)
    )
    return [_one_not_started(row, at) for row in rows]


def _one_not_started(row: ApplicationRow, at: datetime) -> Finding:
    """One that could not be started by the day on which it would expire is expired: its offices are frozen (Y12)."""
    expired = day_in_japan(at) > row.expires_on
    what = (
        f"が、期限（{row.expires_on}）までに始まりませんでした。期限切れとして元に戻し、申込者にお知らせします。"
        if expired
        else "が始まっていません。Web の動作を確認してください。"
    )
    return Finding(
        kind=FindingKind.NOT_STARTED,
        application_no=ApplicationNo(row.application_no),
        detail=f"{_time(row.applied_at)} に受け付けた申込{what}",
        repair=Repair.EXPIRE if expired else None,
    )


def _about(row: ApplicationOfficeRow | EventRow, kind: FindingKind, detail: str) -> Finding:
    """Return a finding about what a row is about, which only people can repair."""
    number = ApplicationNo(row.application_no) if row.application_no else None
    return Finding(kind=kind, application_no=number, office_no=row.office_no, detail=detail)


def _about_mail(notice: NoticeRow, kind: FindingKind, detail: str) -> Finding:
    """Return a finding about a mail: of an application, of a registration of MYICS, or of neither."""
    case_no = next(iter(notice.all_cases), "")
    return Finding(
        kind=kind,
        application_no=ApplicationNo(case_no) if ApplicationNo.pattern.fullmatch(case_no) else None,
        office_no=notice.part,
        myics_no=RegistrationNo(case_no) if RegistrationNo.pattern.fullmatch(case_no) else None,
        detail=detail,
    )


def _time(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M}"
