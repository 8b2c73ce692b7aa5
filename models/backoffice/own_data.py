"""A person, as everything that is tied to their mail addresses: what is theirs of each table, and how that is erased.

Where others are in the same rows, theirs alone is blanked. What stays names nobody: cases, contract and issued numbers,
product, dates, outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ADDRESSES, PATTERNS, OWN_CASES, NAMES = "addresses", "patterns", "own_cases", "names"
"""What the conditions are given: the addresses; the same as patterns of `LIKE`; the cases on contracts that are theirs;
patterns of their names."""

HELD_CONTRACTS = "(select c.contract_id from existing_contracts c where c.mail_address = any(:addresses))"
_PERSON = "(select y.person_id from yayoi_ids y where y.yayoi_id = any(:addresses))"
_OWN_GROUPS = (
    f"(select m.group_id from business_group_members m group by m.group_id having bool_and(m.person_id in {_PERSON}))"  # noqa: S608
)
_ACCOUNTS = "(select a.account_id from myics_accounts a where a.address = any(:addresses))"
_ISSUED = (
    "(select i.contract_id from issued_contracts i where i.yayoi_id = any(:addresses)"  # noqa: S608 all are ours
    f" or i.existing_contract_id in {HELD_CONTRACTS})"
)
_OWN_OFFICES = f"(select o.office_token from offices o where o.existing_contract_id in {HELD_CONTRACTS})"  # noqa: S608
_HERS = "(select a.application_no from application_offices a where a.yayoi_id = any(:addresses))"
_OF_HER_CASES = f"(case_no = any(:own_cases) or case_no in {_HERS})"


@dataclass(frozen=True)
class Own:
    """What of one table is a person's, as somebody that they are there."""

    table: str
    who: str
    """What they are there, in Japanese."""
    where: str
    blank: Mapping[str, str] = field(default_factory=dict)
    """Columns with the SQL of what they become; none: the row is deleted."""
    case: str = ""
    """SQL for the case that a row belongs to."""
    in_use: str = ""
    """A condition under which nobody can be erased yet, and"""
    in_use_as: str = ""
    """what it is then, in Japanese."""

    def statement(self) -> str:
        """Return the SQL that erases it."""
        if not self.blank:
            return f'delete from "{self.table}" where {self.where}'  # noqa: S608 all are ours
        blanked = ", ".join(f'"{column}" = {value}' for column, value in self.blank.items())
        return f'update "{self.table}" set {blanked} where {self.where}'  # noqa: S608


_NO_NAMES = {"family_name": "''", "given_name": "''"}
OWN: tuple[Own, ...] = (
    Own(
        "audit_contents",
        "監査の記録",
        f"content like any(:patterns) or (content like any(:names) and {_OF_HER_CASES})",
        case="case_no",
    ),
    Own(
        "events",
        "他のシステムからの報告",
        "payload::text like any(:patterns) or application_no = any(:own_cases)",
        {"payload": "'{}'", "digest": "''", "salt": "''"},
        case="application_no",
    ),
    Own(
        "case_requests",
        "申込全体への操作",
        "message::text like any(:patterns) or case_no = any(:own_cases)",
        {"message": "'{}'"},
        case="case_no",
    ),
    Own("bulk_lines", "まとめて行う操作", "message::text like any(:patterns)", {"message": "null"}, case="case_no"),
    Own("ledger", "処理の記録", "result::text like any(:patterns) or split_part(key, ':', 1) = any(:own_cases)"),
    Own("remembered_links", "連携の記録", "application_no = any(:own_cases)"),
    Own("sharing_again", "共有の記録", "application_no = any(:own_cases)"),
    Own("case_status", "案件の状況", "case_no = any(:own_cases)", {"points": "'[]'"}, case="case_no"),
    Own("notices", "メールの宛先", "recipient = any(:addresses)", {"recipient": "''"}, case="case_no"),
    Own("kept_forms", "入力途中の画面", "values::text like any(:patterns)"),
    Own("desk_kept_forms", "担当者の入力途中の画面", "values::text like any(:patterns)"),
    Own("drafts", "保存した計画・フォーム", "mail_address = any(:addresses)"),
    Own(
        "enquiries",
        "お問い合わせをした方",
        "mail_address = any(:addresses)",
        dict.fromkeys(("name", "mail_address", "text", "contract_id"), "''"),
        case="receipt_no",
        in_use="notified_at is null",
        in_use_as="お問い合わせが、まだ担当者に届いていません",
    ),
    Own(
        "member_invitations",
        "事業グループに招待された方",
        "yayoi_id = any(:addresses)",
        {"yayoi_id": "''"},
        in_use="closed_at is null",
        in_use_as="招待の手続きが続いています",
    ),
    Own(
        "address_checks",
        "確認コードを受け取った方",
        "yayoi_id = any(:addresses)",
        case="upper(replace(check_id::text, '-', ''))",
        in_use="closed_at is null",
        in_use_as="弥生ID の登録またはパスワードの手続きが続いています",
    ),
    Own(
        "refused_forms",
        "受け付けられなかったフォーム",
        "(body like any(:patterns) or corrections::text like any(:patterns))",
        in_use="settled_at is null",
        in_use_as="受け付けられなかったフォームが、まだ処理されていません",
    ),
    Own(
        "myics_batch_lines",
        "MYICS の一括登録の行",
        "values::text like any(:patterns)",
        in_use="done_at is null",
        in_use_as="MYICS の一括登録が続いています",
    ),
    Own(
        "myics_registrations",
        "MYICS の登録をした方",
        f"address = any(:addresses) or address_before = any(:addresses) or account_id in {_ACCOUNTS}",
        {"address": "null", "address_before": "null", "name": "''", "keyword_hash": "null", "text_for_customer": "''"},
        case="registration_no",
        in_use="closed_at is null",
        in_use_as="MYICS の登録の手続きが続いています",
    ),
    Own("myics_sessions", "MYICS のログイン", f"account_id in {_ACCOUNTS}"),
    Own(
        "myics_accounts",
        "MYICS のユーザー",
        "address = any(:addresses)",
        {"address": "''", "name": "''", "password_hash": "null"},
        case="registration_no",
        in_use="ended_at is null",
        in_use_as="MYICS のアカウントが使われています",
    ),
    Own("support_passwords", "サポートのパスワード", f"contract_id in {_ISSUED}"),
    Own(
        "issued_contracts",
        "サービス契約ID が発行された方",
        "yayoi_id = any(:addresses)",
        {"yayoi_id": "''"},
        case="application_no",
        in_use="revoked_at is null",
        in_use_as="発行されたサービス契約ID が使われています",
    ),
    Own(
        "issued_contracts",
        "契約者",
        f"existing_contract_id in {HELD_CONTRACTS}",
        {"registered_name": "''"},
        case="application_no",
        in_use="revoked_at is null",
        in_use_as="契約に発行されたサービス契約ID が使われています",
    ),
    Own(
        "application_offices",
        "申込の弥生ID",
        "yayoi_id = any(:addresses)",
        {"yayoi_id": "''"},
        case="application_no",
    ),
    Own(
        "application_offices",
        "契約者の事業所データ",
        "application_no = any(:own_cases)",
        {"office_token": "null", "office_name": "''", "open_points": "'[]'"},
        case="application_no",
    ),
    Own(
        "applications",
        "申込者",
        "application_no = any(:own_cases)",
        {**_NO_NAMES, "digest": "''"},
        case="application_no",
    ),
    Own("web_sessions", "ログイン", f"person_id in {_PERSON}"),
    Own("credentials", "パスワード", f"person_id in {_PERSON}"),
    Own("yayoi_id_consents", "同意", f"person_id in {_PERSON}"),
    Own("business_group_details", "事業グループの内容", f"group_id in {_OWN_GROUPS}"),
    Own("business_groups", "事業グループ", f"group_id in {_OWN_GROUPS}", {"name": "''"}),
    Own("business_group_members", "事業グループのメンバー", f"person_id in {_PERSON}"),
    Own(
        "yayoi_ids",
        "弥生ID の方",
        "yayoi_id = any(:addresses)",
        {"yayoi_id": "'erased-' || person_id", **_NO_NAMES},
    ),
    Own("service_links", "スマート取引取込の連携", f"office_token in {_OWN_OFFICES}"),
    Own("sharings", "会計事務所との共有", f"office_token in {_OWN_OFFICES}"),
    Own("offices", "事業所データ", f"existing_contract_id in {HELD_CONTRACTS}", {"name": "''"}),
    Own(
        "existing_contracts",
        "契約者",
        "mail_address = any(:addresses)",
        {"customer_name": "''", "mail_address": "''"},
    ),
)
"""In the order in which they are erased: what others are found by comes last."""


@dataclass(frozen=True)
class Hit:
    """Where a person occurs."""

    who: str
    table: str
    rows: int
    cases: tuple[str, ...]
