"""From a form provider's fields to ours: what a mapping file says, and what a form becomes by it.

A mapping is data of an adopter, read once at start-up. What is wrong with a form is reported under the provider's
names, which are the mapping's JMESPath expressions.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Protocol, Self
from uuid import UUID, uuid5

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from models.common import identifiers
from models.common.message import FromOutside
from models.common.names import shows_nothing
from models.common.refusals import FieldError, RefusedError, in_japanese
from models.yayoi.application_form import MAX_OFFICES, ApplicationForm, OfficePair

NUMBER = "{n}"
"""In the expressions of the pairs, replaced by 0, 1, 2 …: the place in a list, or a number in a field's name."""
_MOST_NUMBERED = 5 * MAX_OFFICES
"""So that a form with too many pairs is refused instead of cut off."""
_LONGEST_QUOTE = 40
_NAMESPACE = UUID("2f4f3c1e-54c0-4d38-8a5c-1d0c4c0b8a70")

Scalar = bool | str
Fixes = Mapping[str, str]
"""Values that an operator puts in the place of what was sent, by the provider's names."""


@dataclass
class Translated:
    """A form in our fields, and by which name the provider knows each of them."""

    values: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def fill(self, into: dict[str, Any], name: str, source: "Source", found: Any, *, ours: str) -> None:
        """Put what was found into a part of the form. `ours` is the field's full name."""
        name_there = self.names[ours] = source.path or ours
        try:
            value = source.meaning(found)
        except ValueError as unknown:
            self.errors.append(FieldError(field=name_there, message=str(unknown)))
            return
        if value is not None:
            into[name] = value

    def form(self) -> ApplicationForm:
        """Return the form. Raises `RefusedError` with the provider's names."""
        errors: list[FieldError] = []
        try:
            form = ApplicationForm.model_validate(self.values)
        except ValidationError as refused:
            errors = in_japanese(refused.errors())
        by_name = {error.field: error for error in (*map(self._named, errors), *self.errors)}
        if by_name:
            raise RefusedError(list(by_name.values()))
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
    """Whatever turns what a provider sends into a form of ours. Raises `ValueError` for a fix of an unknown name."""

    def translate(self, data: Any, webhook_id: str, fixes: Fixes) -> Translated: ...


class OwnFields:
    """The provider sends our own fields, as `POST /api/applications` takes them."""

    def translate(self, data: Any, webhook_id: str, fixes: Fixes) -> Translated:
        values = {**data} if isinstance(data, dict) else {}
        for name, value in fixes.items():
            before, _, last = name.rpartition(".")
            part = _expression(re.sub(r"\.(\d+)", r"[\1]", before) or "@").search(values)
            try:
                part[last] = value
            except TypeError:
                raise ValueError(f"there is no {name}") from None
        return Translated(values | {"submission_id": submission_id(values.get("submission_id"), webhook_id)})


def submission_id(given: Any, webhook_id: str) -> str:
    """Return the provider's own number as a UUID, or one derived from it, or else from the webhook's id."""
    try:
        return str(UUID(str(given)))
    except ValueError:
        return str(uuid5(_NAMESPACE, f"form:{given}" if given not in (None, "") else f"webhook:{webhook_id}"))


_expression = cache(jmespath.compile)


def _checked(text: str) -> str:
    try:
        _expression(text.replace(NUMBER, "0")).search(None)
    except JMESPathTypeError:
        pass  # a function of what is not there yet
    except JMESPathError as error:
        raise ValueError(f"{text!r} is no JMESPath expression: {error}") from None
    return text


class Source(FromOutside):
    """Where one of our fields comes from."""

    path: Annotated[str, AfterValidator(_checked)] | None = Field(default=None, alias="from")
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
        return self.model_copy(update={"path": self.path and self.path.replace(NUMBER, str(number))})

    def find(self, data: Any) -> Any:
        """Return what the provider says; None if nothing is there, or not what a function of the expression takes."""
        try:
            found = _expression(self.path).search(data) if self.path else None
        except JMESPathError:
            return None
        while isinstance(found, list) and len(found) == 1:  # a filter's one item, a choice of one
            found = found[0]
        return found

    def meaning(self, found: Any) -> Any:
        """Return the value in our terms; None if it was left empty. Raises `ValueError` for a word without meaning."""
        if self.constant is not None:
            return self.constant
        if self.contains is not None:
            ticked = found if isinstance(found, list) else [found]
            return fold(self.contains) in {fold(each) for each in ticked}
        if blank(found):
            return self.default
        if self.values:
            return self._listed(found)
        return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else found

    def _listed(self, found: Any) -> Scalar:
        meanings = {fold(word): meaning for word, meaning in self.values.items()}
        if (word := fold(found)) in meanings:
            return meanings[word]
        known = "、".join(f"「{each}」" for each in self.values)
        raise ValueError(f"「{str(found)[:_LONGEST_QUOTE]}」は受け付けていません。{known}のいずれかを選んでください。")


def fold(word: Any) -> str:
    return identifiers.fold(str(word))


def blank(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and shows_nothing(value))


def _short(source: Any) -> Any:
    return {"from": source} if isinstance(source, str) else source


Sources = dict[str, Annotated[Source, BeforeValidator(_short)]]


class FormMapping(FromOutside):
    """The whole mapping."""

    fields: Sources
    offices: Sources

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        _check_names(self.fields, dict(_leaves(ApplicationForm)) | {"submission_id": False, "network_product": True})
        _check_names(self.offices, dict(_leaves(OfficePair)))
        if wrong := [name for name, source in self.offices.items() if source.path and NUMBER not in source.path]:
            raise ValueError(f"write {NUMBER}, the place of the pair from 0, in what {', '.join(wrong)} comes from")
        if wrong := [name for name, source in self.fields.items() if source.path and NUMBER in source.path]:
            raise ValueError(f"{NUMBER} is for the offices, not for {', '.join(wrong)}")
        return self

    def translate(self, data: Any, webhook_id: str, fixes: Fixes) -> Translated:
        values: dict[str, Any] = {"applicant": {}, "consents": {}, "offices": []}
        translated = Translated(values, {"offices": self._list_of_pairs})
        for name, source in self.fields.items():
            part, _, last = name.rpartition(".")
            found = fixes.get(source.path or name, source.find(data))
            translated.fill(values[part] if part else values, last, source, found, ours=name)
        for number in range(_MOST_NUMBERED + 1):
            sources = {name: source.numbered(number) for name, source in self.offices.items()}
            sent = {name: source.find(data) for name, source in sources.items()}
            found = {name: fixes.get(source.path or name, sent[name]) for name, source in sources.items()}
            if all(each is None for each in sent.values()) or all(map(blank, found.values())):
                continue  # not there, or a row of the provider's page that was left empty
            pair: dict[str, Any] = {}
            for name, source in sources.items():
                translated.fill(pair, name, source, found[name], ours=f"offices.{len(values['offices'])}.{name}")
            values["offices"].append(pair)
        values["submission_id"] = submission_id(values.get("submission_id"), webhook_id)
        if unknown := fixes.keys() - translated.names.values():
            raise ValueError(f"there is no {', '.join(sorted(unknown))}")
        return translated

    @property
    def _list_of_pairs(self) -> str:
        """What the provider calls the list; empty if the pairs are numbered fields."""
        before, place, _ = (self.offices["yayoi_id"].path or "").partition(f"[{NUMBER}]")
        return before if place else ""


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
