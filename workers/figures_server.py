"""The process that serves what the database says of all cases: it has no key, and may read what it counts."""

import socket

from models.backoffice.store.counted_cases import CountedCases
from models.common.calendar import utc_now
from workers import database
from workers.settings import Settings
from workers.telemetry.figures import WITHIN, Figures, figures_app
from workers.telemetry.metrics import address_refused, metrics_address
from workers.web_server import serve_on


async def serve(settings: Settings) -> None:
    """Serve until cancelled. Raises `MetricsAddressError`."""
    listening = _listening(settings)
    engine = database.figures_engine(settings, WITHIN)
    try:
        figures = Figures(CountedCases(database.sessions(engine), utc_now).read)
        await serve_on(figures_app(figures), listening)
    finally:
        await engine.dispose()


def _listening(settings: Settings) -> socket.socket:
    host, port = metrics_address(settings)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise address_refused(settings, error.strerror) from None
