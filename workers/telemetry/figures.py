"""What the database says of all cases, for Prometheus: read at most every 15 seconds, and absent while it is away.

One process serves it, however many workers there are. A figure that cannot be read is not served at all: the last one,
or 0, would look as if all were well.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.backoffice.case_figures import CaseFigures

READ_EVERY = 15.0
"""Seconds between two looks at the database, however often the figures are asked for."""
WITHIN = 5.0
"""Seconds that a look may take; after that the database is away."""
_log = logging.getLogger(__name__)


class Figures:
    """The figures as they were read last; None while the database is away."""

    def __init__(self, read: Callable[[], Awaitable[CaseFigures]], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._looked_at = -READ_EVERY
        self._looking: asyncio.Task[CaseFigures | None] | None = None
        self._last: CaseFigures | None = None
        self._in_turn = asyncio.Lock()

    async def now(self) -> CaseFigures | None:
        async with self._in_turn:
            if self._looking is None and self._clock() - self._looked_at >= READ_EVERY:
                self._looked_at = self._clock()
                self._looking = asyncio.create_task(self._look())
            if self._looking:
                # A look at a database that hangs takes its time to end, longer than who asks waits.
                left = max(0.0, self._looked_at + WITHIN - self._clock())
                done, _ = await asyncio.wait({self._looking}, timeout=left)
                self._last = self._looking.result() if done else None
                self._looking = None if done else self._looking
            return self._last

    async def _look(self) -> CaseFigures | None:
        try:
            return await self._read()
        except (SQLAlchemyError, OSError) as error:  # a time that is up is an OSError, too
            _log.warning("the figures cannot be read: %s", type(error).__name__)
            return None


def figures_app(figures: Figures) -> Starlette:
    """Return the application that serves them at `/metrics`."""

    async def metrics(_: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(_Read(await figures.now()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def healthz(_: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz)])


class _Read(Collector):
    def __init__(self, figures: CaseFigures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("tetsuzuki_database_up", "Whether the database answers: 1 or 0.")
        up.add_metric([], 0 if self._figures is None else 1)
        return [up, *(families(self._figures) if self._figures else ())]


def families(figures: CaseFigures) -> Iterable[Metric]:
    """Return the figures as Prometheus has them."""
    waiting = GaugeMetricFamily(
        "tetsuzuki_cases_waiting",
        "Open cases and parts of them, by their stage and whose turn it is.",
        labels=["procedure", "stage", "waiting_for"],
    )
    for labels, count in figures.waiting.items():
        waiting.add_metric(labels, count)
    yield waiting
    for mark, said in _MARKS.items():
        marked = GaugeMetricFamily(f"tetsuzuki_cases_{mark}", said, labels=["procedure"])
        for procedure, counted in figures.procedures.items():
            marked.add_metric([procedure], getattr(counted, mark))
        yield marked
    mails = GaugeMetricFamily("tetsuzuki_mails", "Mails of the last four weeks that did not arrive.", labels=["state"])
    for state, count in figures.mails.items():
        mails.add_metric([state.value], count)
    yield mails
    for name, (said, value) in _plain(figures).items():
        yield GaugeMetricFamily(name, said, value=value)
    notices = GaugeMetricFamily(
        "tetsuzuki_notices", "Completion notices of the last four weeks, by the due date.", labels=["in_time"]
    )
    for in_time, count in figures.notices.items():
        notices.add_metric(["yes" if in_time else "no"], count)
    yield notices
    lengths = GaugeMetricFamily(
        "tetsuzuki_acceptance_to_notice_seconds", "From acceptance to completion notice.", labels=["percentile"]
    )
    for percentile, seconds in figures.acceptance_to_notice.items():
        lengths.add_metric([percentile], seconds)
    yield lengths


_MARKS = {
    "overdue": "Open cases past the day by which what was promised is due.",
    "held": "Open cases that an operator has put on hold.",
    "failing": "Open cases of which a step keeps failing.",
    "awaiting_approval": "Open cases in which a supervisor is asked for something.",
}


def _plain(figures: CaseFigures) -> dict[str, tuple[str, float]]:
    return {
        "tetsuzuki_oldest_pending_mail_seconds": ("Age of the oldest mail not taken yet.", figures.oldest_pending_mail),
        "tetsuzuki_unstarted_forms": ("Forms that were accepted and not started.", figures.unstarted_forms),
        "tetsuzuki_oldest_unstarted_form_seconds": (
            "Age of the oldest form not started.",
            figures.oldest_unstarted_form,
        ),
        "tetsuzuki_webhook_dead_letters": (
            "Webhook messages given up that nobody has sent again.",
            figures.dead_letters,
        ),
        "tetsuzuki_undelivered_events": (
            "Events of other systems not passed on to their cases.",
            figures.undelivered_events,
        ),
        "tetsuzuki_oldest_undelivered_event_seconds": (
            "Age of the oldest such event.",
            figures.oldest_undelivered_event,
        ),
    }
