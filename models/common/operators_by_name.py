"""Operators in texts, by what a colleague calls them.

What workflows and the audit say holds handles, which are nobody's name; desk, mails and Current Details are shown with
names.
"""

import re
from collections.abc import Mapping

_OPERATOR = re.compile(r"(担当者(?:は?[ 「]|　\| ))([a-z][a-z0-9-]+)")
"""In a sentence, and in a row of a table."""


def by_name(text: str, names: Mapping[str, str]) -> str:
    """Return the text with operators by their names, given by handle; one who is not known keeps the handle."""
    return _OPERATOR.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
