"""What the form is compared with: a web that stores what it is sent as one row, in one durable transaction.

It has our web's settings of uvicorn, number of processes and pool of connections. `python -m bench.insert_server PORT`
"""

import asyncio
import json
import sys

import uvicorn
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.other_processes import say_ready
from workers import database
from workers.program import read_settings
from workers.settings import Settings

_TABLE = text("create table if not exists bench_inserts (number bigserial primary key, form jsonb not null)")
_INSERT = text("insert into bench_inserts (form) values (:form) returning number")
_LOOK_AGAIN_AFTER = 0.05  # seconds


async def serve(settings: Settings, port: int) -> None:
    engine = database.engine(settings)
    sessions = database.sessions(engine)

    async def insert(request: Request) -> JSONResponse:
        form = json.dumps(await request.json())
        async with sessions.begin() as session:
            number = await session.scalar(_INSERT, {"form": form})
        return JSONResponse({"number": number}, 201)

    async with sessions.begin() as session:
        await session.execute(_TABLE)
    app = Starlette(routes=[Route("/", insert, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 the library has no event for it
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
    say_ready()
    await serving
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(serve(read_settings(), int(sys.argv[1])))
