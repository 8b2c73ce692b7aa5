"""The application form as a page: what was typed, in the shape the page shows and the shape the form checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from models.common.refusals import FieldError, RefusedError, in_japanese
from models.yayoi.application_form import MAX_OFFICES, ApplicationForm, Consents
from models.yayoi.identifiers import YayoiId

ROWS_AT_FIRST = 2
_PAIR = ("yayoi_id", "yayoi_id_confirmation", "office_token", "issued_contract_id")
_CHOICES = ("accounting_link", "network_product")
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
    "accounting_link": "会計連携の利用",
    "network_product": "対象製品",
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

    def with_errors(self, errors: Sequence[FieldError]) -> "ApplicationPage":
        return ApplicationPage(self.values, self.rows, {error.field: error.message for error in errors})

    def without_blank_rows(self) -> "ApplicationPage":
        """Drop the pairs that nobody has begun; one always stays."""
        begun = [
            index for index in range(self.rows) if any(self.value(f"offices.{index}.{name}").strip() for name in _PAIR)
        ]
        return self._of_rows(begun or [0])

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
            return ApplicationForm.model_validate(sent)
        except ValidationError as invalid:
            raise RefusedError([self._typed(error) for error in in_japanese(invalid.errors())]) from None

    def _typed(self, error: FieldError) -> FieldError:
        """Say it as a page does: a field that is empty is missing, not malformed."""
        if error.field in _CHOICES:
            which = "いずれか" if error.field == "accounting_link" else "どちらか"
            return FieldError(field=error.field, message=f"{which}を選んでください。")
        if error.field == "submission_id" or error.field.endswith(_OPTIONAL) or self.value(error.field).strip():
            return error
        return FieldError(field=error.field, message="入力してください。")


def empty_page(yayoi_ids: Sequence[str] = (), holder: str = "", contract_id: str = "") -> ApplicationPage:
    """Return a new form, begun with the Yayoi IDs of a plan or of a registration.

    `holder` is what a link in a mail to the contract's holder carries. Its submission id makes a double click one
    application.
    """
    begun = {
        f"offices.{index}.yayoi_id": yayoi_id[: YayoiId.max_length]
        for index, yayoi_id in enumerate(yayoi_ids[:MAX_OFFICES])
    }
    own = {HOLDER_LINK: holder, "existing_contract_id": contract_id} if contract_id else {}
    return ApplicationPage({"submission_id": str(uuid4())} | own | begun, max(len(begun), ROWS_AT_FIRST))


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
    return ApplicationPage({path: str(sent[path]) for path in known if isinstance(sent.get(path), str)}, rows)


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
            return order.index("yayoi_id"), int(index), order.index(name)
        case _:
            return order.index(path) if path in LABELS else -1, 0, 0
