"""What a setting must be so that it can be used; said when it is read, before anything is made."""

import json
import re
import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode

from models.common.api_keys import read_api_keys
from models.common.calendar import BusinessCalendar
from models.common.guessable import refuse_guessable
from models.common.web_addresses import web_address
from models.webhooks.secrets import secrets_of

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_LONGEST_TEXT = 200
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is secret: it can be read from a file, and processes that do not need it do not get it."""
    return "SecretStr" in str(field.annotation)


def split_at_commas(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_secrets(value: Any) -> Any:
    """Split at commas, keeping what is blank: a key that was to be there and is not ends the start."""
    return tuple(value.split(",")) if isinstance(value, str) else value


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def is_one_line(text: str) -> bool:
    """Whether people see every letter of it, or a blank, on one line."""
    return all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in text)


def _text(text: str) -> str:
    """Refuse what nobody sees, and what would break a header, a log's line or a page."""
    if not is_one_line(text) or not text.strip() or len(text) > _LONGEST_TEXT:
        raise ValueError(f"give one line of text with at most {_LONGEST_TEXT} letters")
    return text.strip()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("give at most 200 letters A-Z and a-z, digits and . _ / + -; it begins with a letter or digit")
    return text


def _deployment(text: str) -> str:
    if "." in _name(text):
        raise ValueError("Temporal allows no dot in the name of a deployment")
    return text


def _path(path: Path) -> Path:
    """Refuse a path that no log and no other program could show or be given."""
    try:
        shown = bytes(path).decode("utf-8")  # also where this process's own encoding is another one
    except ValueError:
        shown = "\n"
    if not is_one_line(shown):
        raise ValueError("give a path in UTF-8 without line feeds and other letters that cannot be printed")
    return path


def _log_level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(f"give one of {', '.join(_LOG_LEVELS)}")
    return text.upper()


def _required(value: Any) -> Any:
    """Split at commas; what is set and names nothing would require nothing, and is refused."""
    words = split_at_commas(value)
    if isinstance(value, str) and not words:
        raise ValueError("name at least one, or leave the variable out")
    if isinstance(value, str) and not is_one_line(value):
        raise ValueError("give words of letters that can be seen, separated by commas, on one line")
    return words


def _master_keys(text: SecretStr) -> SecretStr:
    """Refuse what cannot be a list of keys; each is looked at when it is first opened."""
    for line in _not_blank(text).get_secret_value().split(","):
        key_id, blank, key = line.strip().partition(" ")
        if line.strip() and not (key_id.startswith("mk-") and blank and key and " " not in key):
            raise ValueError("give `ID KEY` for each key, separated by commas; an ID begins with mk-")
    return text


def _closing_days(days: tuple[str, ...]) -> tuple[str, ...]:
    BusinessCalendar(days)  # refuses what is not MM-DD
    return days


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is blank: set the secret, or leave the variable out")
    return secret


def _one_line(secret: SecretStr) -> SecretStr:
    """Refuse what comes along when a secret is copied, and no log-in shows why it fails."""
    if not is_one_line(_not_blank(secret).get_secret_value().strip()):
        raise ValueError("it holds a line feed, or letters that nobody sees: give one line")
    return secret


def _ascii(secret: SecretStr) -> SecretStr:
    """Refuse what the protocol has no letters for."""
    text = secret.get_secret_value()
    if not text.isascii() or not text.isprintable():
        raise ValueError("it is sent in ASCII: give letters A-Z and a-z, digits and signs")
    return secret


def _not_guessable(secret: SecretStr) -> SecretStr:
    refuse_guessable(secret.get_secret_value().strip(), "it")
    return secret


def _webhook_secrets(text: SecretStr) -> SecretStr:
    secrets_of(_not_blank(text).get_secret_value())  # refuses what is no secret
    return text


def _api_keys(texts: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    read_api_keys(text.get_secret_value() for text in texts)  # refuses what is no key
    return texts


def _issuer(url: str) -> str:
    """Refuse what tokens could be read from on their way; on this machine there is no way."""
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.scheme not in {"https", "http"}:
        raise ValueError("the provider's issuer is an https:// address without ? and #")
    if parts.scheme == "http" and parts.hostname not in THIS_MACHINE:
        raise ValueError("the provider is reached by https://, except on this machine")
    return url


def _scanner(address: str) -> str:
    parts = urlsplit(address)
    try:
        there = parts.hostname and parts.port != 0 if parts.scheme == "tcp" else parts.path and not parts.netloc
    except ValueError:  # a port that there is not
        there = False
    if parts.scheme not in {"tcp", "unix"} or not there:
        raise ValueError("give tcp://host:3310 or unix:///path/of/the/socket")
    return address


def _scope(scope: str) -> str:
    if "openid" not in scope.split():
        raise ValueError("one of the scopes is openid")
    return scope


def _claim(path: str) -> str:
    _text(path)
    try:
        jmespath.compile(path)
    except JMESPathError as error:
        raise ValueError(f"neither `table` nor a JMESPath: {error}") from None
    return path


def _case_link(template: str) -> str:
    if "{case}" not in template:
        raise ValueError("{case} is not in it, which stands for the case's number")
    web_address(template.replace("{case}", "case"))
    return template


RequiredWords = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_required)]
"""Of which one is required."""
Text = Annotated[str, AfterValidator(_text)]
"""One line that people read."""
Name = Annotated[str, AfterValidator(_name)]
"""What something is called by programs, also within Temporal's queries."""
DeploymentName = Annotated[str, AfterValidator(_deployment)]
FilePath = Annotated[Path, AfterValidator(_path)]
LogLevel = Annotated[str, AfterValidator(_log_level)]
Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=3650))]
"""Some time, at most ten years."""
ClosingDays = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_at_commas), AfterValidator(_closing_days)]
Json = BeforeValidator(_json)
CaseLink = Annotated[str, AfterValidator(_case_link)]
ScannerAddress = Annotated[str, AfterValidator(_scanner)]
Issuer = Annotated[str, AfterValidator(_issuer)]
OpenIdScope = Annotated[str, AfterValidator(_scope)]
ClaimPath = Annotated[str, AfterValidator(_claim)]

Secret = Annotated[SecretStr, AfterValidator(_one_line)]
"""What others have chosen."""
AsciiSecret = Annotated[Secret, AfterValidator(_ascii)]
OurSecret = Annotated[SecretStr, AfterValidator(_one_line), AfterValidator(_not_guessable)]
"""What whoever runs the program chooses: a long random text."""
MasterKeyTexts = Annotated[SecretStr, AfterValidator(_master_keys)]
OurSecrets = Annotated[tuple[OurSecret, ...], NoDecode, BeforeValidator(_split_secrets)]
ApiKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_secrets), AfterValidator(_api_keys)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
