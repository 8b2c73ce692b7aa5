"""The application form as a page: what was typed, in the shape the page shows and the shape the form checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from models.common.refusals import FieldError, RefusedError, in_japanese
from models.yayoi.application_form import MAX_OFFICES, ApplicationForm, Consents
from web.yayoi.applicant.plan import Planned

ROWS_AT_FIRST = 2
_PAIR = ("office_name", "yayoi_id", "yayoi_id_confirmation", "office_token", "issued_contract_id")
_CHOICES = ("accounting_link", "network_product")
_LONGEST = 1000
"""Characters of one field that are kept: more than any right one has."""
_CONSENTS = tuple(Consents.model_fields)
_OPTIONAL = (".office_token", ".issued_contract_id", *(f".{name}" for name in _CONSENTS))
"""What may be empty: that it must not be, follows from other answers, and its message says so."""
HOLDER_LINK = "holder_link"
"""What the link carried by which the contract's holder came (Y5a)."""
ADDITION = "addition"
"""The third answer to whether the link is used: it is added to an ID that was issued without it (Y9)."""

LABELS = {
    "applicant.family_name": "姓",
    "applicant.given_name": "名",
    "existing_contract_id": "サービス契約ID（お客様番号）",
    "accounting_link": "『弥生会計』『やよいの青色申告』との連携",
    "network_product": "対象製品",
    "office_name": "事業所データの名前",
    "yayoi_id": "弥生ID（メールアドレス）",
    "yayoi_id_confirmation": "弥生ID（確認のためもう一度）",
    "office_token": "事業所トークン",
    "issued_contract_id": "発行済みのサービス契約ID",
    "consents.stop_smart_import": "スマート取引取込を利用しないことへの同意",
    "consents.relink_required": "再連携が必要なことの確認",
}


@dataclass(frozen=True)
class ApplicationPage:
    """One rendering of the form. `values` by field path; `errors` by field path, in the order they are shown."""

    values: Mapping[str, str]
    rows: int = ROWS_AT_FIRST
    errors: Mapping[str, str] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    """With which the page is shown if something is wrong."""

    @property
    def can_add(self) -> bool:
        return self.rows < MAX_OFFICES

    @property
    def fields(self) -> Mapping[str, str]:
        """All that was typed, to be sent again by the confirmation."""
        return {**self.values, "rows": str(self.rows)}

    def value(self, path: str) -> str:
        return self.values.get(path, "")

    @property
    def summary(self) -> list[tuple[str, str, str]]:
        """Field path, label and message of every error, from the top of the page to its end."""
        return [(path, _label(path), self.errors[path]) for path in sorted(self.errors, key=_position)]

    def after(self, action: str) -> "ApplicationPage | None":
        """Return the page after a row was added or removed; None when the form was sent."""
        match action.split("-"):
            case ["add"]:
                return ApplicationPage(self.values, min(self.rows + 1, MAX_OFFICES))
            case ["remove", row]:
                kept = [index for index in range(self.rows) if str(index) != row]
                return self._of_rows(kept) if kept else self
            case _:
                return None

    def with_errors(self, errors: Mapping[str, str], status: HTTPStatus) -> "ApplicationPage":
        return ApplicationPage(self.values, self.rows, errors, status)

    def begun(self, row: int) -> bool:
        """Whether anything was typed into a row: what a row needs, it needs from then on."""
        return any(self.value(f"offices.{row}.{name}").strip() for name in _PAIR)

    def without_blank_rows(self) -> "ApplicationPage":
        """Drop the pairs that nobody has begun; one always stays."""
        return self._of_rows([row for row in range(self.rows) if self.begun(row)] or [0])

    def planned(self, offices: Sequence[Planned]) -> "ApplicationPage":
        """Return the form with these offices of a plan; what was typed for an office of the same name stays with it."""
        typed = {self.value(f"offices.{row}.office_name"): row for row in range(self.rows) if self.begun(row)}
        values = {path: value for path, value in self.values.items() if not path.startswith("offices.")}
        for row, office in enumerate(offices[:MAX_OFFICES]):
            before = typed.get(office.name)
            for name in _PAIR if before is not None else ():
                values[f"offices.{row}.{name}"] = self.value(f"offices.{before}.{name}")
            values[f"offices.{row}.office_name"] = office.name
            if office.yayoi_id and office.yayoi_id != values.get(f"offices.{row}.yayoi_id"):
                values[f"offices.{row}.yayoi_id"] = office.yayoi_id
                values[f"offices.{row}.yayoi_id_confirmation"] = ""  # Y7: it is still typed twice
        return ApplicationPage(values, max(len(offices[:MAX_OFFICES]), ROWS_AT_FIRST))

    def _of_rows(self, kept: list[int]) -> "ApplicationPage":
        values = {path: value for path, value in self.values.items() if not path.startswith("offices.")}
        for new, old in enumerate(kept):
            for name in _PAIR:
                values[f"offices.{new}.{name}"] = self.value(f"offices.{old}.{name}")
        return ApplicationPage(values, len(kept))

    def form(self) -> ApplicationForm:
        """Return the form as it was meant. Raises `RefusedError` with one message per field."""
        sent: dict[str, Any] = {
            "submission_id": self.value("submission_id"),
            "applicant": {name: self.value(f"applicant.{name}") for name in ("family_name", "given_name")},
            "existing_contract_id": self.value("existing_contract_id"),
            "offices": [{name: self.value(f"offices.{index}.{name}") for name in _PAIR} for index in range(self.rows)],
            "consents": {name: bool(self.value(f"consents.{name}")) for name in _CONSENTS},
            **{name: self.value(name) for name in _CHOICES},
            "link_addition": self.value("accounting_link") == ADDITION,
        }
        if sent["link_addition"]:
            sent["accounting_link"] = "true"
        try:
            form = ApplicationForm.model_validate(sent)
        except ValidationError as invalid:
            raise RefusedError(
                [*(self._typed(error) for error in in_japanese(invalid.errors())), *self._missing_names()]
            ) from None
        if missing := self._missing_names():
            raise RefusedError(missing)
        return form

    def _missing_names(self) -> list[FieldError]:
        """Without the link no token says what an office is called, and several could not be distinguished."""
        unlinked = self.value("accounting_link") == "false"
        paths = [f"offices.{row}.office_name" for row in range(self.rows)] if unlinked else []
        return [FieldError(field=path, message="入力してください。") for path in paths if not self.value(path).strip()]

    def _typed(self, error: FieldError) -> FieldError:
        """Say it as a page does: a field that is empty is missing, not malformed."""
        if error.field in _CHOICES:
            which = "いずれか" if error.field == "accounting_link" else "どちらか"
            return FieldError(field=error.field, message=f"{which}を選んでください。")
        if error.field == "submission_id" or error.field.endswith(_OPTIONAL) or self.value(error.field).strip():
            return error
        return FieldError(field=error.field, message="入力してください。")


def empty_page(holder: str = "", contract_id: str = "") -> ApplicationPage:
    """Return a new form. Its submission id makes a double click one application.

    `holder` is what a link in a mail to the holder of the contract carries.
    """
    own = {HOLDER_LINK: holder, "existing_contract_id": contract_id} if contract_id else {}
    return ApplicationPage({"submission_id": str(uuid4())} | own)


def page_of(sent: Mapping[str, object]) -> ApplicationPage:
    """Return the page as it was sent; whatever is not one of its fields is skipped."""
    try:
        rows = min(max(int(str(sent.get("rows", ROWS_AT_FIRST))), 1), MAX_OFFICES)
    except ValueError:
        rows = ROWS_AT_FIRST
    known = [
        "submission_id",
        HOLDER_LINK,
        "applicant.family_name",
        "applicant.given_name",
        "existing_contract_id",
        *_CHOICES,
        *(f"offices.{index}.{name}" for index in range(rows) for name in _PAIR),
        *(f"consents.{name}" for name in _CONSENTS),
    ]
    typed = {path: str(sent[path])[:_LONGEST] for path in known if isinstance(sent.get(path), str)}
    return ApplicationPage(typed, rows)


def _label(path: str) -> str:
    match path.split("."):
        case ["offices", index, name]:
            return f"{int(index) + 1} 件目の{LABELS[name]}"
        case _:
            return LABELS.get(path, "お申し込み")


def _position(path: str) -> tuple[int, int, int]:
    order = list(LABELS)
    match path.split("."):
        case ["offices", index, name]:
            return order.index("office_name"), int(index), order.index(name)
        case _:
            return order.index(path) if path in LABELS else -1, 0, 0
