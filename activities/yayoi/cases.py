"""Reading our own records of a case: the rows that the ids in a message name."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from temporalio.exceptions import ApplicationError

from models.common.identifiers import ledger_key
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow, LedgerRow
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.messages import KEPT

_PAIR = (
    select(ApplicationRow, ApplicationOfficeRow)
    .join(ApplicationOfficeRow, ApplicationOfficeRow.application_no == ApplicationRow.application_no)
    .where(
        ApplicationOfficeRow.application_no == bindparam("application_no"),
        ApplicationOfficeRow.office_no == bindparam("office_no"),
    )
)
_LOCKED_PAIR = _PAIR.with_for_update(of=ApplicationOfficeRow)
_TAKEN = select(LedgerRow.key).where(LedgerRow.key.in_(bindparam("keys", expanding=True)))


@dataclass(frozen=True)
class Pair:
    """One Yayoi ID and the office data it is to manage, as the application has them."""

    application: ApplicationRow
    office: ApplicationOfficeRow

    @property
    def yayoi_id(self) -> YayoiId:
        return YayoiId(self.office.yayoi_id)

    @property
    def token(self) -> OfficeToken | None:
        return OfficeToken(self.office.office_token) if self.office.office_token else None

    @property
    def linked_token(self) -> OfficeToken:
        """The token, in steps that only linked procedures have (Y9). Raises `ValueError` in any other."""
        return OfficeToken(self.office.office_token or "")

    @property
    def own_token(self) -> OfficeToken:
        """The token, where the office that it names is touched. Raises a final error unless the pair holds it (Y5)."""
        if not self.office.holds_token:
            raise NotRightError
        return self.linked_token

    @property
    def contract_id_to_attach(self) -> ContractId:
        """The ID that was issued before, in 会計連携の追加 (Y9). Raises `ValueError` in any other procedure."""
        return ContractId(self.office.issued_contract_id or "")

    @property
    def existing_contract_id(self) -> ContractId:
        return ContractId(self.application.existing_contract_id)


class NotRightError(ApplicationError):
    """The pair does not hold what it names: it was not found right. The case waits for an operator."""

    def __init__(self) -> None:
        super().__init__(
            "弥生ID か事業所トークンが正しいことを確認できていないため、先へ進めません。内容を訂正してください。",
            type="NotRight",
            non_retryable=True,
        )


async def find_pair(
    session: DatabaseSession, application_no: ApplicationNo | str, office_no: int | None, *, lock: bool = False
) -> Pair:
    """Read a pair of an application, and lock it. Raises `NoResultFound` if there is none."""
    which = {"application_no": str(application_no), "office_no": office_no}
    application, office = (await session.execute(_LOCKED_PAIR if lock else _PAIR, which)).one()
    return Pair(application=application, office=office)


async def find_open_pair(
    session: DatabaseSession, application_no: ApplicationNo | str, office_no: int | None, *, lock: bool = False
) -> Pair:
    """The same, for steps that go forward: for a pair whose case was closed nothing is done any more.

    A workflow that was reset after the daily reconciliation had undone its case would issue an ID for nobody. Raises a
    final error, with which the case waits for an operator.
    """
    pair = await find_pair(session, application_no, office_no, lock=lock)
    if pair.office.closed_at is not None:
        raise _closed()
    return pair


async def find_notified_pair(
    session: DatabaseSession, application_no: ApplicationNo | str, office_no: int | None, *, lock: bool = False
) -> Pair:
    """The same, for what follows the notice: also for a pair that was closed and not undone (Y25)."""
    pair = await find_pair(session, application_no, office_no, lock=lock)
    if pair.office.closed_at is not None and pair.office.outcome not in KEPT:
        raise _closed()
    return pair


def _closed() -> ApplicationError:
    message = "この事業所データの手続きは、すでに終了しています。必要なときは、改めてお申し込みいただいてください。"
    return ApplicationError(message, type="CaseClosed", non_retryable=True)


async def find_right_pair(session: DatabaseSession, application_no: ApplicationNo | str, office_no: int | None) -> Pair:
    """The same, for steps that issue: for a pair that holds all that it names.

    Raises `NotRightError` for any other, however the procedure came to the step.
    """
    pair = await find_open_pair(session, application_no, office_no)
    if not pair.office.holds_id or (pair.token and not pair.office.holds_token):
        raise NotRightError
    return pair


async def has_its_contract_id(session: DatabaseSession, application_no: ApplicationNo | str, office_no: int) -> bool:
    """Whether an ID was issued or attached for the pair, and not taken back.

    What comes before that is not judged anew: after a Reset the Yayoi ID is in a group, and the office managed, by the
    very case.
    """
    keys = {step: ledger_key(str(application_no), office_no, step) for step in ("issue", "attach", "revoke")}
    taken = set(await session.scalars(_TAKEN, {"keys": list(keys.values())}))
    return keys["revoke"] not in taken and not taken.isdisjoint({keys["issue"], keys["attach"]})
