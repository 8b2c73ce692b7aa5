"""Runs a process that serves until it is ended, with its logs and, where they are set, its metrics and traces."""

import logging
from collections.abc import Callable
from typing import NoReturn

import typer

from workers.program import Main, read_settings, run
from workers.settings import Settings


def run_process(name: str, serve: Callable[[Settings], Main]) -> NoReturn:
    """Run one process of the program, and end with its exit code. `name` is what metrics, traces and logs call it."""
    settings = read_settings()

    def begin() -> None:
        # Where it is off, nothing of it is loaded.
        if settings.logs_as_json:
            from workers.telemetry.log_lines import JsonLines  # noqa: PLC0415

            for handler in logging.getLogger().handlers:
                handler.setFormatter(JsonLines(name))
        if settings.logs_as_json or settings.telemetry:
            from workers.telemetry.metrics import begin_runtime  # noqa: PLC0415

            begin_runtime(settings, name)
        if settings.telemetry:
            from workers.telemetry.traces import begin_tracing  # noqa: PLC0415

            begin_tracing(settings, name)

    raise typer.Exit(run(serve(settings), log_level=settings.log_level, service=True, begin=begin))
