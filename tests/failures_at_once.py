"""Failures are told as they happen: who watches a long run need not wait for its end, nor loses them if it is cut."""

import pytest


class FailuresAtOnce:
    """Writes what failed, and why, between the dots."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    @pytest.hookimpl(trylast=True)  # after the terminal's own letter
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal: pytest.TerminalReporter | None = self._plugins.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed:")
            terminal.write_line(report.longreprtext)
