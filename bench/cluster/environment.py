"""What each process of a cluster is started with: the variables of Docker Compose's server, with addresses of here.

The server makes its configuration of variables, as its image does. So what is tried is what Compose says.
"""

import contextlib
import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from workers.stack.temporal_server import BACKLOG_OFTEN, BROKEN_CASES_AT_ONCE, TIME_SKIPPING

_COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
_OPTION = "--dynamic-config-value"
_ON_CLUSTERS = {"system.forceSearchAttributesCacheRefreshOnRead": True, "limit.maxIDLength": 255}
"""What the dev server sets by itself: a search attribute can be used as soon as it is made. And what Compose sets."""


_PORTS = range(21_000, 32_000)
"""Temporal stores the port of a process as a number of 15 bits; the system gives out none of these by itself."""
_given: set[int] = set()


def _low_port() -> int:
    """Return a port that nobody listens on, and that no other process of a cluster has been given."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 nobody is to be surprised
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


@dataclass(frozen=True)
class ServerProcess:
    """One process of the server; each has a service."""

    name: str
    service: str
    grpc: int
    membership: int
    http: int
    metrics: int

    @classmethod
    def of(cls, name: str, service: str) -> "ServerProcess":
        return cls(name, service, *(_low_port() for _ in range(4)))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.grpc}"

    @property
    def ports(self) -> dict[str, str]:
        prefix = self.service.upper().replace("-", "_")
        return {
            f"{prefix}_GRPC_PORT": str(self.grpc),
            f"{prefix}_MEMBERSHIP_PORT": str(self.membership),
            f"{prefix}_HTTP_PORT": str(self.http),
        }


@dataclass(frozen=True)
class Security:
    """Where the files of `tetsuzuki certificates` are, and who hands out the public half of the tokens' key."""

    certificates: Path
    token_keys: str
    """A URL."""


@dataclass(frozen=True)
class ClusterSettings:
    """What all processes of a cluster share."""

    frontend: ServerProcess
    """One of them, which only names the cluster."""
    postgres: int
    """The port of Postgres."""
    shards: int
    dynamic: Path
    """The file of the dynamic configuration."""
    security: Security | None

    def of(self, process: ServerProcess) -> dict[str, str]:
        """Return the variables of one process."""
        given = {
            "DB": _compose()["DB"],
            "DB_PORT": str(self.postgres),
            "POSTGRES_SEEDS": "127.0.0.1",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PWD": "",
            "NUM_HISTORY_SHARDS": str(self.shards),
            "BIND_ON_IP": "127.0.0.1",
            "TEMPORAL_BROADCAST_ADDRESS": "127.0.0.1",
            "DYNAMIC_CONFIG_FILE_PATH": str(self.dynamic),
            "LOG_LEVEL": "warn",
            "PROMETHEUS_ENDPOINT": f"127.0.0.1:{process.metrics}",
            **self.frontend.ports,
            **process.ports,
        }
        # The worker service finds a frontend that lives by the membership, where one address would be one frontend's.
        given |= _secured(self.security) if self.security else {"PUBLIC_FRONTEND_ADDRESS": "membership://frontend"}
        return without_settings() | given


def without_settings() -> dict[str, str]:
    """Return this process's variables without what programs of Temporal would take for theirs."""
    prefixes = ("TEMPORAL_", "TETSUZUKI_", "SQL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def write_dynamic_config(file: Path) -> None:
    """Let cases be fast-forwarded, as on the dev server that tests share."""
    options = [*TIME_SKIPPING, *BROKEN_CASES_AT_ONCE, *BACKLOG_OFTEN]
    pairs = dict(text.split("=", 1) for text in options if text != _OPTION)
    values = {name: yaml.safe_load(value) for name, value in pairs.items()} | _ON_CLUSTERS
    file.write_text(yaml.safe_dump({name: [{"value": value}] for name, value in values.items()}))


def _secured(security: Security) -> Mapping[str, str]:
    """Return Compose's own variables for TLS and the authorizer, with the files' places of here."""
    ours = {name: value for name, value in _compose().items() if name.startswith(("TEMPORAL_TLS_", "TEMPORAL_AUTH_"))}
    placed = {name: value.replace("/access", str(security.certificates / "temporal")) for name, value in ours.items()}
    compose = _compose()
    return placed | {
        "USE_INTERNAL_FRONTEND": compose["USE_INTERNAL_FRONTEND"],
        "TEMPORAL_JWT_KEY_SOURCE1": security.token_keys,
        "TEMPORAL_JWT_KEY_REFRESH": compose["TEMPORAL_JWT_KEY_REFRESH"],
    }


def _compose() -> dict[str, str]:
    services = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))["services"]
    return dict(services["temporal"]["environment"])


def shards_of_compose() -> int:
    return int(_compose()["NUM_HISTORY_SHARDS"])
