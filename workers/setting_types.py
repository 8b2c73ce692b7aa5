"""What a setting must be so that it can be used; said when it is read, before anything is made."""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from models.common.api_keys import read_api_keys
from models.common.calendar import BusinessCalendar
from models.common.guessable import refuse_guessable
from models.common.web_addresses import web_address
from models.webhooks.secrets import secrets_of

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_IN_THE_ADDRESS = {"ssl", "sslmode", "sslrootcert", "sslcert", "sslkey"}


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is secret: it can be read from a file, and processes that do not need it do not get it."""
    return "SecretStr" in str(field.annotation)


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_secrets(value: Any) -> Any:
    """Split at commas, keeping what is blank: a key that was to be there and is not ends the start."""
    return tuple(value.split(",")) if isinstance(value, str) else value


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _closing_days(days: tuple[str, ...]) -> tuple[str, ...]:
    BusinessCalendar(days)  # refuses what is not MM-DD
    return days


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is blank: set the secret, or leave the variable out")
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


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("give postgresql+asyncpg://user@host:5432/database") from None
    if url.drivername != "postgresql+asyncpg":
        raise ValueError("it begins with postgresql+asyncpg://")
    if named := _IN_THE_ADDRESS & url.query.keys():
        raise ValueError(f"TLS is set by TETSUZUKI_DATABASE_TLS, not by {', '.join(sorted(named))} in the address")
    return text


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


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
ClosingDays = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_closing_days)]
Json = BeforeValidator(_json)
CaseLink = Annotated[str, AfterValidator(_case_link)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
ScannerAddress = Annotated[str, AfterValidator(_scanner)]
Issuer = Annotated[str, AfterValidator(_issuer)]
OpenIdScope = Annotated[str, AfterValidator(_scope)]
ClaimPath = Annotated[str, AfterValidator(_claim)]

Secret = Annotated[SecretStr, AfterValidator(_not_blank)]
"""What others have chosen."""
OurSecret = Annotated[SecretStr, AfterValidator(_not_guessable)]
"""What whoever runs the program chooses: a long random text."""
OurSecrets = Annotated[tuple[OurSecret, ...], NoDecode, BeforeValidator(_split_secrets)]
ApiKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_secrets), AfterValidator(_api_keys)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
