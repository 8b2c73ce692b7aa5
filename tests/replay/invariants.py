"""What must hold of one application's records, whatever people do (Y12 to Y27): exactly, and in both directions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select

from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    IssuedContractRow,
    LedgerRow,
    NoticeRow,
    OfficeRow,
    SharingRow,
)
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.procedures import SetUpStep
from tests.support.environment import Case

KEPT = (Outcome.COMPLETED, Outcome.INCOMPLETE)
RELEASED_BY_US, RELEASED_BY_CUSTOMER = "申込者に代わって共有を解除した", "共有の解除を記録した"
RESTORED, REVOKED = "会計事務所との共有を元に戻した", "サービス契約ID を取り消した"
MAILED = "メールを送信した："
AUDITED_AS = {
    "スマート取引取込を凍結した": "freeze",
    "スマート取引取込の凍結を解除した": "thaw",
    "連携を記録した": "remember_links",
    RELEASED_BY_US: "end_sharing",
    RELEASED_BY_CUSTOMER: "end_sharing",
    RESTORED: "restore_sharing",
    "サービス契約ID を発行した": "issue",
    REVOKED: "revoke",
    "弥生ID・事業所トークンを訂正した": "correct",
    "申込者・事業所データの名前を訂正した": "correct_names",
    "再連携を記録した": "relink",
    "再連携の日を訂正した": "correct_relink",
    "再連携の記録を取り消した": "correct_relink",
    "担当者を決めた": "assign",
    "申込を受け付けた": "received",
    "申込の手続きを終了した": "close",
    "申込全体を取り消す": "request",
    **{f"{step.label}を記録した": "set_up" for step in SetUpStep},
    **{f"{step.label}の記録を取り消した": "retract" for step in SetUpStep},
    "手続きを再開した": "reopen",
    "お手続きの画面のリンクを無効にした": "renew_link",
    "契約者のリンクを無効にした": "renew_link",
    **{f"事業所データの手続きを終了した（{outcome}）": "close" for outcome in Outcome},
    **{f"終了後の受け付けを終えた（{outcome}）": "close" for outcome in KEPT},
}
"""The step of the ledger that each entry of the audit trail is about; every other entry says what a person did."""


@dataclass(frozen=True)
class Records:
    """Everything that is recorded of one application, as it is now."""

    case: Case
    application: ApplicationRow
    pairs: Mapping[int, ApplicationOfficeRow]
    issued: Sequence[IssuedContractRow]
    audit: Sequence[AuditRow]
    notices: Sequence[NoticeRow]
    ledger: Sequence[LedgerRow]
    frozen_by: Sequence[str]
    shared: Sequence[SharingRow]

    def audited(self, office_no: int, *actions: str) -> list[AuditRow]:
        return [row for row in self.audit if row.part == office_no and row.action in actions]

    @property
    def ended(self) -> set[int]:
        return {number for number, row in self.pairs.items() if row.closed_at}


async def records(case: Case) -> Records:
    """Read everything as of one moment: meanwhile, the procedures go on."""
    number = case.application_no
    async with case.environment.sessions() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

        async def rows(statement: Any) -> list[Any]:
            return list(await session.scalars(statement))

        [application] = await rows(select(ApplicationRow))
        return Records(
            case,
            application,
            {row.office_no: row for row in await rows(select(ApplicationOfficeRow))},
            await rows(select(IssuedContractRow)),
            await rows(select(AuditRow).where(AuditRow.case_no == number).order_by(AuditRow.audit_id)),
            await rows(select(NoticeRow).where(NoticeRow.case_no == number)),
            await rows(select(LedgerRow).where(LedgerRow.key.startswith(f"{number}:"))),
            await rows(select(OfficeRow.frozen_by).where(OfficeRow.frozen_by.is_not(None))),
            await rows(select(SharingRow).where(SharingRow.ended_at.is_(None))),
        )


def never_frozen_without_an_open_case(known: Records) -> None:
    number = known.case.application_no
    still_open = {f"{number}:{office_no}" for office_no in known.pairs.keys() - known.ended}
    assert set(known.frozen_by) <= still_open


def one_id_for_a_pair_that_counts_for_who_has_ended_well(known: Records) -> None:
    assert max(Counter(row.office_no for row in known.issued).values(), default=1) == 1
    assert len({row.contract_id for row in known.issued}) == len(known.issued)
    counting = {row.office_no for row in known.issued if row.revoked_at is None and row.office_no in known.ended}
    assert counting == {number for number in known.ended if known.pairs[number].outcome in KEPT}


def every_notice_named_an_id_that_was_not_revoked_when_it_was_sent(known: Records) -> None:
    """By the order of the audit trail, which is written in the transaction of what it records."""
    mails = {str(mail["Message-ID"]): mail for mail in known.case.environment.inbox.mails}
    for row in known.audit:
        if row.action == f"{MAILED}{NOTICE_SUBJECT}":
            text = _text(mails[row.facts["message_id"]])
            notified = {each.contract_id for each in known.issued if each.contract_id in text}
            assert notified == {each.contract_id for each in known.issued if each.office_no == row.part}
            revoked = {each.facts["contract_id"] for each in known.audit if each.action == REVOKED}
            before = {
                each.facts["contract_id"]
                for each in known.audit
                if each.action == REVOKED and each.audit_id < row.audit_id
            }
            assert notified
            assert notified.isdisjoint(before)
            if notified & revoked and row.part in known.ended:
                assert _notified_of_its_end(known, row.part), "notified of an ID that was revoked, and not of that"


def _notified_of_its_end(known: Records, office_no: int) -> bool:
    ends = {MailKind.CANCELLED, MailKind.WITHDRAWN}
    return any(row.part == office_no and row.kind in ends and row.sent_at for row in known.notices)


def sharing_is_restored_exactly_where_we_released_it(
    known: Records, before: Mapping[OfficeToken, frozenset[str]], outside: Mapping[OfficeToken, frozenset[str]]
) -> None:
    """`before`: who each office was shared with at first; `outside`: what customers ended without notifying anybody."""
    for number in known.ended:
        token = OfficeToken(known.pairs[number].office_token or "")
        ours, customers, restored = (
            _firms(known.audited(number, action)) for action in (RELEASED_BY_US, RELEASED_BY_CUSTOMER, RESTORED)
        )
        ended_early = known.pairs[number].outcome not in KEPT
        assert restored == (ours if ended_early else frozenset()), (restored, ours)
        shared = [row.firm for row in known.shared if row.office_token == token]
        gone = customers if ended_early else ours | customers
        assert Counter(shared) == Counter(before[token] - outside[token] - gone)


def _firms(rows: Iterable[AuditRow]) -> frozenset[str]:
    return frozenset(firm for row in rows for firm in row.facts["firms"])


def every_step_has_its_audit_entry_and_every_entry_its_step(known: Records) -> None:
    steps = Counter(_step(row) for row in known.ledger if _had_an_effect(row))
    steps.update((row.part or 0, "mail") for row in known.notices if row.sent_at)
    steps[0, "received"] += 1
    assert +steps == Counter((row.part, _step_of(row)) for row in known.audit)


def _step(row: LedgerRow) -> tuple[int, str]:
    _, office_no, step = row.key.split(":", 2)
    return 0 if office_no == "-" else int(office_no), step.partition(".")[0]


def _had_an_effect(row: LedgerRow) -> bool:
    """Nothing was done where there was nothing to restore, or nobody to be had."""
    return bool(row.result.get("firms", True)) and row.result.get("operator", "") is not None


def _step_of(row: AuditRow) -> str:
    return "mail" if row.action.startswith(MAILED) else AUDITED_AS.get(row.action, "action")


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
