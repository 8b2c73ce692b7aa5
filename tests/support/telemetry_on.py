"""Telemetry for all tests of a process, as an installation has it: metrics are served, spans made and thrown away."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from workers.telemetry import tracing


def turn_telemetry_on() -> None:
    """Turn it on for good, before any client is made: whatever tests build is traced, whatever its settings say."""
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address="127.0.0.1:0"))))
    trace.set_tracer_provider(TracerProvider())
    pytest.MonkeyPatch().setattr(tracing, "is_traced", lambda _settings: True)
