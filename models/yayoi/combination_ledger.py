"""The combination ledger: which office is managed with which group, Yayoi ID and contract ID (Y22)."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.common.table_files import write_table

HEADINGS = ("事業所データ", "事業グループ", "弥生ID", "サービス契約ID", "元々のお客様番号")


@dataclass(frozen=True)
class LedgerEntry:
    """One office of one customer, as it is managed now; None for what it has not yet."""

    existing_contract_id: str
    office_name: str
    group_id: int | None = None
    group_name: str | None = None
    yayoi_id: str | None = None
    contract_id: str | None = None
    office_token: str | None = None
    application_no: str | None = None
    """The application of a pair that has no office in the registry."""

    @property
    def cells(self) -> tuple[str, ...]:
        """As people read it, in the order of `HEADINGS`."""
        return (
            self.office_name,
            self.group_name or "（まだありません）",
            self.yayoi_id or "（まだありません）",
            self.contract_id or "（まだありません）",
            self.existing_contract_id,
        )


@dataclass(frozen=True)
class Reader:
    """Who reads it: a Yayoi ID, the group it belongs to, and whether it administers that."""

    yayoi_id: str
    group_id: int | None
    administrator: bool


def visible(entries: Iterable[LedgerEntry], reader: Reader) -> list[LedgerEntry]:
    """Return what this reader may see, so that nobody sees another's.

    Everybody sees their own pairs and the offices of their own group. An administrator of the group of an office that
    is managed with the existing contract ID itself is the customer, and sees all of that contract.
    """
    found = list(entries)
    whole = whole_contracts(found, reader)
    return [entry for entry in found if entry.existing_contract_id in whole or _own(entry, reader)]


def whole_contracts(entries: Iterable[LedgerEntry], reader: Reader) -> set[str]:
    """Return the existing contracts of which this reader is the customer."""
    return {
        entry.existing_contract_id
        for entry in entries
        if reader.administrator
        and entry.group_id is not None
        and entry.group_id == reader.group_id
        and entry.contract_id == entry.existing_contract_id
    }


def _own(entry: LedgerEntry, reader: Reader) -> bool:
    in_group = entry.group_id is not None and entry.group_id == reader.group_id
    return in_group or entry.yayoi_id == reader.yayoi_id


def as_csv(entries: Iterable[LedgerEntry]) -> bytes:
    """Return a file that spreadsheets show as it is, and run nothing of."""
    return write_table(HEADINGS, [entry.cells for entry in entries])
