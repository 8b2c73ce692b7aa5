"""Which process may do what in Postgres: one role each, and one table of what every role may do on every table.

A key that only the desk has is worth nothing where the customers' web can write what the desk reads. `migrate` owns the
schema and writes public keys; the others may do what is said here, and nothing else.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import Base
from workers.program import ClearError


class DatabaseRole(StrEnum):
    """The roles of the running processes, by their names in Postgres."""

    CUSTOMERS = "tetsuzuki_customers"
    """The public web."""
    DESK = "tetsuzuki_desk"
    WORKER = "tetsuzuki_worker"
    ERASE = "tetsuzuki_erase"
    """The worker that ends what has been kept long enough, and erases persons."""
    FIGURES = "tetsuzuki_figures"
    """Counts all cases for those who run the program."""


class Statement(StrEnum):
    """What is granted on a table."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


Passwords = Mapping[DatabaseRole, str | None]
Allowed = frozenset[Statement]
NOTHING: Allowed = frozenset()
READ: Allowed = frozenset({Statement.SELECT})
APPEND: Allowed = READ | {Statement.INSERT}
WRITE: Allowed = APPEND | {Statement.UPDATE}
ALL: Allowed = frozenset(Statement)


def _for(customers: Allowed, desk: Allowed, worker: Allowed) -> Mapping[DatabaseRole, Allowed]:
    return {DatabaseRole.CUSTOMERS: customers, DatabaseRole.DESK: desk, DatabaseRole.WORKER: worker}


_CASES = _for(WRITE, WRITE, WRITE)
_OF_CUSTOMERS = _for(WRITE, READ, WRITE)
"""What customers enter; procedures change it."""
_FORGOTTEN = _for(ALL, READ, ALL)
"""The same, and deleted when it has served or is never finished."""
_REGISTRY = _for(WRITE, READ, WRITE)
"""The vendor's records: pages read them, and register Yayoi IDs, groups and members."""
_LOG_INS = _for(ALL, NOTHING, ALL)
"""Who is signed in on the customers' pages; a new password ends it."""
_OPERATORS = _for(NOTHING, ALL, NOTHING)
"""Who is an operator, and how each is known: customers' pages can neither read nor make it."""
_DESK = _for(NOTHING, ALL, NOTHING)
"""What operators keep for their own work: filters, what they do with many cases at once, which case they have open."""
_FORMS = _for(ALL, NOTHING, NOTHING)
"""What customers have typed into forms."""

_GRANTS: Mapping[str, Mapping[DatabaseRole, Allowed]] = {
    "address_checks": _FORGOTTEN,
    "application_offices": _CASES,
    "applications": _CASES,
    "audit_contents": _for(APPEND, APPEND, APPEND),
    "audit_trail": _for(APPEND, APPEND, APPEND),
    "business_group_details": _REGISTRY,
    "business_group_members": _REGISTRY,
    "business_groups": _REGISTRY,
    "bulk_actions": _DESK,
    "bulk_lines": _DESK,
    "case_presence": _DESK,
    "case_keys": _for(APPEND, READ, APPEND),
    "case_requests": _for(READ, READ, APPEND),
    "case_stages": _CASES,
    "case_status": _CASES,
    "contract_id_pool": _for(NOTHING, NOTHING, WRITE),
    "credentials": _for(WRITE, NOTHING, WRITE),
    "drafts": _FORGOTTEN,
    "enquiries": _OF_CUSTOMERS,
    "erasure_requests": _for(NOTHING, WRITE, NOTHING),
    "events": _for(WRITE, READ, WRITE),
    "existing_contracts": _REGISTRY,
    "form_presses": _FORMS,
    "holder_confirmations": _OF_CUSTOMERS,
    "holder_mails": _FORGOTTEN,
    "issued_contracts": _for(READ, READ, WRITE),
    "kept_forms": _FORMS,
    "desk_form_presses": _DESK,
    "desk_kept_forms": _DESK,
    "held_cases": _for(NOTHING, READ | {Statement.DELETE}, READ),
    "ledger": _for(APPEND, READ, WRITE),
    "logout_tokens": _OPERATORS,
    "lost_operations": _for(NOTHING, READ, APPEND),
    "member_invitations": _OF_CUSTOMERS,
    "myics_accounts": _OF_CUSTOMERS,
    "myics_batch_lines": _OF_CUSTOMERS,
    "myics_batches": _OF_CUSTOMERS,
    "myics_clients": _OF_CUSTOMERS,
    "myics_firms": _OF_CUSTOMERS,
    "myics_registrations": _OF_CUSTOMERS,
    "myics_sessions": _LOG_INS,
    "notices": _for(ALL, READ, ALL),
    "offices": _REGISTRY,
    "operator_audit": _for(NOTHING, APPEND, NOTHING),
    "operator_identities": _OPERATORS,
    "operator_sessions": _OPERATORS,
    "operator_sign_in_links": _OPERATORS,
    "operators": _for(NOTHING, WRITE, READ),
    "public_keys": _for(READ, READ, READ),
    "rate_counts": _for(ALL, ALL, NOTHING),
    "replay_checks": _for(NOTHING, NOTHING, APPEND),
    "refused_forms": _for(WRITE, WRITE, READ),
    "reserved_contract_ids": _for(NOTHING, NOTHING, READ),
    "restored_cases": _for(NOTHING, READ, READ | {Statement.UPDATE}),
    "remembered_links": _for(READ, READ, WRITE),
    "saved_filters": _DESK,
    "service_links": _for(READ, READ, WRITE),
    "set_up_steps": _for(READ, READ, ALL),
    "sharing_again": _OF_CUSTOMERS,
    "sharings": _for(READ, READ, WRITE),
    "smart_import_runs": _for(NOTHING, READ, WRITE),
    "store_mark": _for(READ, READ, READ | {Statement.UPDATE}),
    "support_passwords": _for(WRITE, NOTHING, WRITE),
    "untaken_cases": _for(NOTHING, READ, ALL),
    "web_sessions": _LOG_INS,
    "webhook_messages": _for(WRITE, READ, WRITE),
    "webhook_subscribers": _for(READ, READ, WRITE),
    "yayoi_id_consents": _REGISTRY,
    "yayoi_ids": _REGISTRY,
}
_BLANKED = (
    "application_offices applications bulk_lines business_groups case_keys case_requests case_status "
    "enquiries erasure_requests events existing_contracts issued_contracts member_invitations "
    "myics_accounts myics_batches myics_registrations notices offices operators yayoi_ids"
)
_DELETED = (
    "address_checks bulk_actions bulk_lines business_group_details business_group_members case_presence "
    "credentials desk_form_presses desk_kept_forms drafts enquiries events form_presses kept_forms ledger "
    "logout_tokens member_invitations "
    "myics_batch_lines myics_sessions notices operator_audit operator_sessions operator_sign_in_links "
    "rate_counts refused_forms remembered_links service_links sharing_again sharings support_passwords "
    "web_sessions webhook_messages yayoi_id_consents"
)
_ERASED: Mapping[str, Allowed] = {
    "audit_contents": APPEND | {Statement.DELETE},
    "audit_trail": APPEND,
}
"""What *erase* may do beside that: the audit trail stays, whoever asks."""


def _erases(table: str) -> Allowed:
    blanked = {Statement.UPDATE} if table in _BLANKED.split() else set()
    deleted = {Statement.DELETE} if table in _DELETED.split() else set()
    return _ERASED.get(table, READ | blanked | deleted)


_COUNTED = frozenset({"applications", "case_status", "events", "held_cases", "notices"})
"""What figures are made of."""


def _counts(table: str) -> Allowed:
    return READ if table in _COUNTED else NOTHING


GRANTS: Mapping[str, Mapping[DatabaseRole, Allowed]] = {
    table: {**of_roles, DatabaseRole.ERASE: _erases(table), DatabaseRole.FIGURES: _counts(table)}
    for table, of_roles in _GRANTS.items()
}
"""Of each table what each role may do; a table that is not here is granted to nobody."""


def statements() -> Iterator[str]:
    """Return what brings the roles' rights to what the table says, whatever they were; run by the schema's owner."""
    for role in DatabaseRole:
        yield f"revoke all on all tables in schema public from {role}"
        yield f"revoke all on all sequences in schema public from {role}"
        yield f"grant usage on schema public to {role}"
        for table, of_roles in GRANTS.items():
            if allowed := sorted(of_roles[role]):
                yield f'grant {", ".join(allowed)} on "{table}" to {role}'
        for sequence in sorted(Base.metadata._sequences):  # noqa: SLF001 the metadata lists them nowhere else
            yield f'grant usage on sequence "{sequence}" to {role}'


class DatabaseRolesError(ClearError):
    """The owner of the schema may not make the roles; the message says what to do."""


async def grant(connection: AsyncConnection, passwords: Passwords) -> None:
    """Make the roles that are missing and give each its rights, in the caller's transaction.

    A role without a password logs in as Postgres' own configuration says (the embedded one: by its socket).

    Raises:
        DatabaseRolesError: a role is missing, and who migrates may make none.

    """
    await connection.execute(text("revoke create on schema public from public"))
    for role, password in passwords.items():
        there = await connection.scalar(text("select 1 from pg_roles where rolname = :role"), {"role": role.value})
        if not there:
            await _create(connection, role)
        if password is not None:
            quoted = await connection.scalar(text("select quote_literal(:password)"), {"password": password})
            await connection.execute(text(f"alter role {role} password {str(quoted).replace(':', chr(92) + ':')}"))
    for statement in statements():
        await connection.execute(text(statement))


async def _create(connection: AsyncConnection, role: DatabaseRole) -> None:
    try:
        await connection.execute(text(f"create role {role} login noinherit"))
    except DBAPIError as error:
        if not isinstance(getattr(error.orig, "__cause__", None), asyncpg.InsufficientPrivilegeError):
            raise
        names = ", ".join(DatabaseRole)
        raise DatabaseRolesError(
            f"the database has no role {role}, and who migrates may not make it: make the roles {names} (login, "
            "noinherit) by hand, or migrate as somebody with CREATEROLE"
        ) from None
