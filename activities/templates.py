"""The templates that mails are written from."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.calendar import day_in_words

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@cache
def mail_templates() -> Environment:
    """Return the templates of `activities/mails`; a name that a template misspells is an error."""
    templates = Environment(
        loader=PackageLoader("activities", "mails"),
        autoescape=False,  # noqa: S701 plain text: escaping would show
        finalize=_within_its_line,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["day"] = day_in_words
    return templates


def _within_its_line(value: Any) -> Any:
    """Keep what is filled in within its line: only a template says what is a heading, a fact or a link."""
    return _BREAKS.sub(" ", value) if isinstance(value, str) else value
