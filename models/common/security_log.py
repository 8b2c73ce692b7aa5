"""The security log: one line of JSON for each log-in, refusal, limit, forged link, key and act of an operator.

It is always on, whatever `TETSUZUKI_LOG_LEVEL` says. Its lines can be joined (the same client, the same request) and
name nobody: clients and accounts by a keyed hash or the number of a row, operators and systems by their handle.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from models.common.calendar import utc_now
from models.common.secret_keys import SecretKeys

LOGGER = "tetsuzuki.security"
_LENGTH = 16
"""Hexadecimal digits of a keyed hash: enough to tell clients apart, and nothing to find one by."""

_log = logging.getLogger(LOGGER)
_log.setLevel(logging.INFO)


class SecurityEvent(StrEnum):
    """What happened."""

    LOG_IN = "log_in"
    LOG_OUT = "log_out"
    GUESS = "guess"
    """A password, a code or another secret was typed, and was wrong."""
    REFUSED = "refused"
    """Somebody was not let in, by the status of the answer: 401, 403, 410."""
    LIMITED = "limited"
    """There were too many tries, or the body was too large."""
    FORGED_LINK = "forged_link"
    API_KEY = "api_key"
    """A system used its key."""
    SIGNING_KEY = "signing_key"
    """A key was made, retired or revoked."""
    OPERATOR = "operator"
    """An operator, or what is known of one, was changed."""
    OPERATION = "operation"
    """Somebody acted on a case."""
    COMMAND = "command"
    """Somebody began a command that changes more than one case, or takes away what is known of people."""
    UPLOAD = "upload"
    """A file was refused by the malware scanner."""


@dataclass(frozen=True)
class RequestFacts:
    """The request that is being answered."""

    request_id: str
    application: str
    """Which web application it is: `web` or `desk`."""
    client: str
    """By a keyed hash."""
    secret_keys: SecretKeys


_REQUEST: ContextVar[RequestFacts | None] = ContextVar("request_facts", default=None)


def current_request() -> RequestFacts | None:
    """Return the request that is being answered; None outside of one."""
    return _REQUEST.get()


@contextmanager
def answering(facts: RequestFacts) -> Iterator[None]:
    """Let events within be those of this request."""
    before = _REQUEST.set(facts)
    try:
        yield
    finally:
        _REQUEST.reset(before)


def client_hash(secret_keys: SecretKeys, address: str) -> str:
    """Return by what the log knows a client: the same for the same address, as long as the key stays."""
    return secret_keys.digest(f"security log:client:{address}").hex()[:_LENGTH]


def account_hash(account: str) -> str:
    """Return by what the log knows an account whose name is somebody's; empty outside of a request."""
    request = _REQUEST.get()
    return request.secret_keys.digest(f"security log:account:{account}").hex()[:_LENGTH] if request else ""


def security_event(event: SecurityEvent, outcome: str, **facts: str | int | None) -> None:
    """Write a line. `facts`: ids, handles and hashes; no names, addresses or secrets, and nothing that was typed."""
    request = _REQUEST.get()
    line: dict[str, str | int] = {
        "time": utc_now().isoformat(timespec="milliseconds"),
        "event": event.value,
        "outcome": outcome,
    }
    if request:
        line |= {"application": request.application, "request": request.request_id, "client": request.client}
    line |= {name: value for name, value in facts.items() if value is not None and value != ""}
    _log.info(json.dumps(line, ensure_ascii=False))


class _StderrHandler(logging.Handler):
    """Writes to what stderr is as a line comes: it may have been another when the log was opened."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 as every handler of logging: a line that cannot be written stops no request
            self.handleError(record)


def write_to_stderr() -> None:
    """Let lines go to the process's log by themselves: nothing before the JSON, and nothing that turns them off."""
    handler = _StderrHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.handlers = [handler]
    _log.propagate = False
