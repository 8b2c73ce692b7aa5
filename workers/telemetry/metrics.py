"""The metrics of a process: those of Temporal's SDK and our own, at one address, from one runtime.

The runtime is made once, before any client: those that are made later use it. Our own go through its meter
(`web/common/measures.py`). A gauge of it keeps its last value for ever, so what the database says of all cases is
served by a process of its own (`workers/telemetry/figures.py`).
"""

import logging
import socket

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from web.common.measures import BUCKETS
from workers.program import ClearError
from workers.settings import Settings

_WITHOUT_CLIENT = frozenset({"figures", "inbox"})
"""The processes that do not use Temporal's SDK: the first serves what the database says, the other nothing."""

_AS_USUAL = TelemetryFilter(core_level="WARN", other_level="ERROR")


class MetricsAddressError(ClearError):
    """The address for metrics cannot be listened on."""


def metrics_address(settings: Settings) -> tuple[str, int]:
    """Return the IP address and the port. Raises `MetricsAddressError` for a host that has none."""
    try:
        _, _, _, _, address = socket.getaddrinfo(settings.metrics_host, settings.metrics_port, type=socket.SOCK_STREAM)[
            0
        ]
    except OSError as error:
        raise MetricsAddressError(
            f"the metrics cannot be served on {settings.metrics_host} ({error.strerror}): "
            "set TETSUZUKI_METRICS_HOST to an address of this machine"
        ) from None
    return str(address[0]), settings.metrics_port


def address_refused(settings: Settings, why: object) -> MetricsAddressError:
    """Return the error that says which setting is to be changed."""
    return MetricsAddressError(
        f"the metrics cannot be served on {settings.metrics_host}:{settings.metrics_port} ({why}): set "
        "TETSUZUKI_METRICS_PORT to a free port, or TETSUZUKI_METRICS_HOST to an address of this machine"
    )


def begin_runtime(settings: Settings, process: str) -> None:
    """Make the runtime of Temporal's SDK: with metrics where telemetry is on, its log lines among our own.

    Raises:
        MetricsAddressError: its metrics cannot be served there.

    """
    if process in _WITHOUT_CLIENT:
        return
    telemetry = TelemetryConfig(
        logging=LoggingConfig(_AS_USUAL, LogForwardingConfig(logging.getLogger("temporalio.core"))),
        metrics=_prometheus(settings) if settings.telemetry else None,
        attach_service_name=False,
    )
    try:
        runtime = Runtime(telemetry=telemetry)
    except ValueError as error:
        raise address_refused(settings, error) from None
    Runtime.set_default(runtime)


def _prometheus(settings: Settings) -> PrometheusConfig:
    host, port = metrics_address(settings)
    return PrometheusConfig(
        bind_address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=BUCKETS,
    )
