"""The templates that mails are written from, in Markdown."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from jinja2.meta import find_referenced_templates, find_undeclared_variables

import activities
from activities.common.mail_markdown import as_code, as_link, escaped
from models.common.calendar import day_in_words, moment_in_words

PACKAGES = tuple(sorted(folder.parent.name for folder in Path(activities.__file__).parent.glob("*/mails")))
"""Each keeps its templates in its folder `mails`; their names are theirs alone."""


def mail_templates(**named: Any) -> Environment:
    """Return the templates of all packages; a name that a template misspells is an error.

    `named` is what every mail may name beside its own facts: where customers read on, and whom they ask.
    """
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(f"activities.{package}", "mails") for package in PACKAGES]),
        autoescape=False,  # noqa: S701 Markdown, not HTML: `finalize` escapes
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals |= named
    templates.filters |= {"day": day_in_words, "moment": moment_in_words, "as_code": as_code, "as_link": as_link}
    return templates


@cache
def facts_named_in(templates: Environment, template: str) -> frozenset[str]:
    """Return the names of the facts that a template mentions, itself or in what it includes."""
    assert templates.loader  # noqa: S101 for the type checker
    source, *_ = templates.loader.get_source(templates, template)
    parsed = templates.parse(source)
    included = [facts_named_in(templates, name) for name in find_referenced_templates(parsed) if name]
    return frozenset(find_undeclared_variables(parsed)).union(*included)
