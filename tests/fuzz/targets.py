"""Everything that is fuzzed without a server of ours; what people and systems send to the web is in `requests.py`."""

from tests.fuzz import files, operations, replies, tokens, words
from tests.fuzz.target import FuzzTarget

TARGETS: tuple[FuzzTarget, ...] = (
    *files.TARGETS,
    *words.TARGETS,
    *replies.TARGETS,
    *tokens.TARGETS,
    *operations.TARGETS,
)
BY_NAME = {target.name: target for target in TARGETS}
