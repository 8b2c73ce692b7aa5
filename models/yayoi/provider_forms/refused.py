"""Forms of other systems that could not be taken: what was wrong with each, in words that operators read."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from models.common.json_text import read_json
from models.common.message import Message

_SCALAR = (str, int, float, bool)


class RefusedFormRef(Message):
    """One form that was kept."""

    form_no: int


@dataclass(frozen=True)
class RefusedField:
    """A value that is wrong, stands beside one that is, or was corrected before."""

    name: str
    """The provider's, in the words of its mapping."""
    wrong: str
    """"": nothing is known to be wrong with it."""
    sent: str
    corrected: str | None = None

    @property
    def key(self) -> str:
        """What it is called in the page's form."""
        return f"value-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    @property
    def label(self) -> str:
        """What it is called: where the provider's name looks for a word of its form, that word."""
        return "・".join(re.findall(r"'([^']+)'", self.name)) or self.name

    @property
    def value(self) -> str:
        return self.sent if self.corrected is None else self.corrected


def refused_form_workflow_id(form_no: int) -> str:
    return f"refused-form/{form_no}"


def refused_fields(body: str, errors: Mapping[str, str], corrections: Mapping[str, str]) -> tuple[RefusedField, ...]:
    """Return the values that can be corrected, those that are wrong first; not what is wrong with the whole form."""
    sent = _read(body)
    wrong = sorted(name for name in errors if name)
    beside = (name for each in wrong for name in _beside(sent, each))
    names = dict.fromkeys(name for name in (*wrong, *sorted(corrections), *beside) if name)
    return tuple(RefusedField(name, errors.get(name, ""), _value(sent, name), corrections.get(name)) for name in names)


def what_is_wrong(body: str, errors: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each mistake with what it is called that is wrong, the form as a whole first."""
    whole = [("全体", errors[""])] if "" in errors else []
    return whole + [(each.label, each.wrong) for each in refused_fields(body, errors, {}) if each.wrong]


def readable(body: str) -> str:
    """Return what was sent, laid out for people; as it was sent, if it is no JSON."""
    sent = _read(body)
    return body if sent is None else json.dumps(sent, ensure_ascii=False, indent=2)


def _read(body: str) -> Any:
    try:
        return read_json(body)
    except ValueError:
        return None


def _beside(sent: Any, name: str) -> Iterator[str]:
    """Yield the names of the values of the same pair, or the same part: what contradicts a value stands there."""
    before, dot, _ = name.rpartition(".")
    part = _found(sent, before or "@")
    if isinstance(part, dict):
        named = (key for key, value in part.items() if key.strip() and isinstance(value, _SCALAR))
        yield from (f"{before}{dot}{key}" for key in named)


def _value(sent: Any, name: str) -> str:
    found = _found(sent, name)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, _SCALAR) else ""


def _found(sent: Any, name: str) -> Any:
    """Return what a name of a mapping, or of our own fields (`offices.0.token`), finds."""
    try:
        return jmespath.search(re.sub(r"\.(\d+)", r"[\1]", name), sent)
    except JMESPathError:
        return None
