"""A form as a page shows it: what was typed, what is wrong with it, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import ValidationError

from models.common.names import INVISIBLE, shows_nothing
from models.common.refusals import FieldError, in_japanese

LONGEST = 4000
"""Characters of one field; what is longer is cut."""
_WHOLE = "お手続き"


@dataclass(frozen=True)
class PageForm:
    """One rendering. `labels` are by field path, in the order of the page; passwords are never among the `values`."""

    labels: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    """With which a page is shown on which something is wrong."""

    def value(self, path: str) -> str:
        return self.values.get(path, "")

    @property
    def summary(self) -> list[tuple[str, str, str]]:
        """Field path, label and message of every error, from the top of the page to its end."""
        order = list(self.labels)
        paths = sorted(self.errors, key=lambda path: order.index(path) if path in order else -1)
        return [(path, self.labels.get(path, _WHOLE), self.errors[path]) for path in paths]

    def refused(self, errors: Mapping[str, str]) -> "PageForm":
        return PageForm(self.labels, self.values, errors)


def sent_values(sent: Mapping[str, object], *paths: str) -> dict[str, str]:
    """Return what was typed into these fields; what is missing or no text is empty, and so is what shows nothing."""
    return {path: _typed(text) if isinstance(text := sent.get(path, ""), str) else "" for path in paths}


def _typed(text: str) -> str:
    cut = text[:LONGEST]
    return "" if INVISIBLE.search(cut) and shows_nothing(cut) else cut


def messages(invalid: ValidationError, values: Mapping[str, str], *, skip: int = 0) -> dict[str, str]:
    """Return one Japanese message per field: nothing typed is asked for, not called malformed."""
    return errors_by_field(in_japanese(invalid.errors(), skip=skip), values)


def errors_by_field(errors: Sequence[FieldError], values: Mapping[str, str]) -> dict[str, str]:
    """Return the messages by field, as `messages`."""
    return {
        error.field: error.message if values.get(error.field, "-").strip() else "入力してください。" for error in errors
    }
