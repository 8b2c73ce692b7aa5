"""The process of the operators' web application."""

from workers import database
from workers.settings import Settings
from workers.web_server import serve_app
from workers.wiring.desk import build_desk


async def serve(settings: Settings) -> None:
    """Serve until cancelled."""
    engine = database.engine(settings)
    try:
        await serve_app(build_desk(settings, database.sessions(engine)), settings.desk_host, settings.desk_port)
    finally:
        await engine.dispose()
