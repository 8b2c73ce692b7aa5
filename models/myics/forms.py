"""What is typed into MYICS, in its one normal form; each refusal is a Japanese text beside its field (M2, M4, M7)."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from models.common.identifiers import MailAddress, fold
from models.common.message import FromOutside
from models.common.names import Name, composed
from models.common.refusals import RefusedError, in_japanese
from models.myics.accounts import AccountKind
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.identifiers import ClientSuffix, CustomerNo

AUTHORITY_CONSENT = "アカウントの登録権限について確認しました"
TERMS_CONSENT = "MYICSの利用規約に同意する"


def _not_too_long(text: str) -> str:
    """Count the characters as they were typed (M2): only for comparing are width and spaces folded."""
    if (length := len(composed(text))) > KEYWORD_LENGTH:
        raise PydanticCustomError(
            "refused",
            f"登録確認用キーワードは {KEYWORD_LENGTH} 文字以内で入力してください（今は {length} 文字）。",
        )
    return text


def _comparable(text: str) -> str:
    if not (word := fold(text)):
        raise PydanticCustomError("refused", "登録確認用キーワードを入力してください。")
    return word


def _fold_text(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


Keyword = Annotated[str, AfterValidator(_comparable)]
"""A keyword in the form in which it is compared: neither width nor spaces matter, letter case does (M3, Y8)."""
NewKeyword = Annotated[str, AfterValidator(_not_too_long), AfterValidator(_comparable)]


class FirmForm(FromOutside):
    """A firm whose representative is invited (M1)."""

    customer_no: CustomerNo
    name: Name
    representative: Name
    """The representative's name."""
    address: MailAddress


class AccountForm(FromOutside):
    """The representative's own account (M2)."""

    address: MailAddress
    keyword: NewKeyword


class CorrectionForm(FromOutside):
    """The address to which what was mailed is to go instead."""

    address: MailAddress


class NameForm(FromOutside):
    """How a user or a client is called, instead of what was typed before."""

    name: Name


class ConfirmationForm(FromOutside):
    """The keyword, typed again (M3)."""

    keyword: Keyword


class UserForm(FromOutside):
    """A user to be added (M4)."""

    address: MailAddress
    name: Name
    kind: Annotated[AccountKind, BeforeValidator(_fold_text)]


class ClientForm(FromOutside):
    """A client to be added, with its first users (M7)."""

    suffix: ClientSuffix
    name: Name
    users: tuple[UserForm, ...] = ()


class ClientUserForm(UserForm):
    """A row of a file of users: of a client if its suffix is given, else of the firm itself."""

    suffix: ClientSuffix | None = None


Form = TypeVar("Form", bound=FromOutside)


def read(form: type[Form], values: Mapping[str, object]) -> Form:
    """Read what was typed. Raises `RefusedError` with one Japanese reason per field."""
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise RefusedError(in_japanese(error.errors())) from None
