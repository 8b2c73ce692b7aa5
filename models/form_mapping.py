"""From a form provider's fields to ours: what a mapping file says, and what a form becomes by it.

A mapping is data of an adopter, read once at start-up. Whatever is wrong with a form is told by the provider's names.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from models.application_form import MAX_OFFICES, ApplicationForm, OfficePair
from models.form_paths import FormPath
from models.message import FromOutside
from models.refusals import FieldError, RefusedError, in_japanese

NUMBER = "{n}"
"""Stands in a path for 1, 2, 3 …, where a provider has numbered fields instead of a list."""
_MOST_NUMBERED = 5 * MAX_OFFICES
"""So that a form with too many pairs is refused instead of cut off."""
_LONGEST_QUOTE = 40
_NAMESPACE = UUID("2f4f3c1e-54c0-4d38-8a5c-1d0c4c0b8a70")

Scalar = bool | str


@dataclass
class Translated:
    """A form in our fields, and by which name the provider knows each of them."""

    values: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def fill(
        self, into: dict[str, Any], name: str, source: "Source", data: Any, *, ours: str, before: str = ""
    ) -> None:
        """Put one field into a part of the form. `ours` is its full name, `before` what its path begins at."""
        told = self.names[ours] = f"{before}{source.path.text}" if source.path else ours
        try:
            value = source.read(data)
        except ValueError as unknown:
            self.errors.append(FieldError(field=told, message=str(unknown)))
            return
        if value is not None:
            *way, last = name.split(".")
            for step in way:
                into = into.setdefault(step, {})
            into[last] = value

    def form(self) -> ApplicationForm:
        """Return the form. Raises `RefusedError` with the provider's names."""
        errors: list[FieldError] = []
        try:
            form = ApplicationForm.model_validate(self.values)
        except ValidationError as refused:
            errors = in_japanese(refused.errors())
        told = {error.field: error for error in (*map(self._named, errors), *self.errors)}
        if told:
            raise RefusedError(list(told.values()))
        try:
            form.check()
        except RefusedError as refused:
            raise self.renamed(refused) from None
        return form

    def renamed(self, refused: RefusedError) -> RefusedError:
        """Return the refusal with the provider's names."""
        return RefusedError([self._named(error) for error in refused.errors])

    def _named(self, error: FieldError) -> FieldError:
        return error.model_copy(update={"field": self.names.get(error.field, error.field)})


class Translation(Protocol):
    """Whatever turns what a provider sends into a form of ours."""

    def translate(self, data: Any, webhook_id: str) -> Translated: ...


class OwnFields:
    """The provider sends our own fields, as `POST /api/applications` takes them."""

    def translate(self, data: Any, webhook_id: str) -> Translated:
        values = {**data} if isinstance(data, dict) else {}
        return Translated(values | {"submission_id": submission_id(values.get("submission_id"), webhook_id)})


def submission_id(given: Any, webhook_id: str) -> str:
    """Return the provider's own number as a UUID, or one derived from it, or else from the webhook's id."""
    try:
        return str(UUID(str(given)))
    except ValueError:
        return str(uuid5(_NAMESPACE, f"form:{given}" if given not in (None, "") else f"webhook:{webhook_id}"))


def _path(text: Any) -> Any:
    return FormPath(text) if isinstance(text, str) else text


def _short(source: Any) -> Any:
    return {"from": source} if isinstance(source, str) else source


class Source(FromOutside):
    """Where one of our fields comes from."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: Annotated[FormPath | None, BeforeValidator(_path)] = Field(default=None, alias="from")
    constant: Scalar | None = None
    values: dict[str, Scalar] = Field(default_factory=dict)
    """What the provider's words mean."""
    contains: str | None = None
    """True if this is what was ticked, or is among it."""
    default: Scalar | None = None
    """For what was left empty."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.constant is None):
            raise ValueError("say either from or constant")
        if self.values and self.contains is not None:
            raise ValueError("say either values or contains")
        return self

    def numbered(self, number: int) -> "Source":
        if self.path is None or NUMBER not in self.path.text:
            return self
        return self.model_copy(update={"path": FormPath(self.path.text.replace(NUMBER, str(number)))})

    def read(self, data: Any) -> Any:
        """Return the value in our terms; None if it was left empty. Raises `ValueError` for a word without meaning."""
        if self.path is None:
            return self.constant
        found = self.path.read(data)
        if self.contains is not None:
            ticked = found if isinstance(found, list) else [found]
            return fold(self.contains) in {fold(each) for each in ticked}
        if isinstance(found, list) and len(found) == 1:  # a choice of one
            found = found[0]
        if blank(found):
            return self.default
        if self.values:
            return self._meaning(found)
        return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else found

    def _meaning(self, found: Any) -> Scalar:
        meanings = {fold(word): meaning for word, meaning in self.values.items()}
        if (word := fold(found)) in meanings:
            return meanings[word]
        known = "、".join(f"「{each}」" for each in self.values)
        raise ValueError(f"「{str(found)[:_LONGEST_QUOTE]}」は受け付けていません。{known}のいずれかを選んでください。")


def fold(word: Any) -> str:
    return unicodedata.normalize("NFKC", str(word)).strip()


def blank(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


Sources = dict[str, Annotated[Source, BeforeValidator(_short)]]


class OfficeSources(FromOutside):
    """Where the pairs come from: a list (`each`), or fields with a number in their names (`{n}`)."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    each: Annotated[FormPath | None, BeforeValidator(_path)] = None
    fields: Sources

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        _check_names(self.fields, dict(_leaves(OfficePair)))
        numbered = [name for name, source in self.fields.items() if source.path and NUMBER in source.path.text]
        if (self.each is None) != bool(numbered):
            raise ValueError(f"say either each, the list of the pairs, or {NUMBER} in the paths of the fields")
        return self

    def rows(self, data: Any) -> Iterator[tuple[str, Any, dict[str, Source]]]:
        """Give each pair: what stands before its names, where its values lie, and its sources."""
        if self.each is None:
            for number in range(1, _MOST_NUMBERED + 1):
                yield "", data, {name: source.numbered(number) for name, source in self.fields.items()}
            return
        found = self.each.read(data)
        for index, item in enumerate(found if isinstance(found, list) else []):
            yield f"{self.each.text}.{index}.", item, self.fields


class FormMapping(FromOutside):
    """The whole mapping."""

    fields: Sources
    offices: OfficeSources

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        _check_names(self.fields, dict(_leaves(ApplicationForm)) | {"submission_id": False})
        return self

    def translate(self, data: Any, webhook_id: str) -> Translated:
        translated = Translated({})
        for name, source in self.fields.items():
            translated.fill(translated.values, name, source, data, ours=name)
        pairs: list[dict[str, Any]] = []
        translated.names["offices"] = self.offices.each.text if self.offices.each else ""
        for before, row, sources in self.offices.rows(data):
            if all(source.path is None or blank(source.path.read(row)) for source in sources.values()):
                continue  # a row of the provider's page that was left empty
            pair: dict[str, Any] = {}
            for name, source in sources.items():
                ours = f"offices.{len(pairs)}.{name}"
                translated.fill(pair, name, source, row, ours=ours, before=before)
            pairs.append(pair)
        translated.values["offices"] = pairs
        for part in ("applicant", "consents"):
            translated.values.setdefault(part, {})
        given = translated.values.get("submission_id")
        translated.values["submission_id"] = submission_id(given, webhook_id)
        return translated


def _leaves(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, bool]]:
    """Give every single field of a form, and whether it has to be there."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _leaves(info.annotation, f"{before}{name}.")
        elif name != "offices":
            yield f"{before}{name}", info.is_required()


def _check_names(given: Mapping[str, Any], known: Mapping[str, bool]) -> None:
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(f"no such field: {', '.join(unknown)}; there are {', '.join(known)}")
    if missing := sorted(name for name, required in known.items() if required and name not in given):
        raise ValueError(f"nothing is said of {', '.join(missing)}")
