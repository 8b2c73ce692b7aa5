"""The cookies: how each is named and what keeps it safe."""

from datetime import timedelta

from starlette.requests import HTTPConnection
from starlette.responses import Response


class Cookie:
    """One cookie of this site alone, which no script can read. Unless it `lasts`, it ends with the browser."""

    def __init__(self, name: str, *, https: bool, lasts: timedelta | None = None) -> None:
        # Browsers take a `__Host-` cookie only from this very host, over TLS: no neighbour can plant one.
        self.name = f"__Host-{name}" if https else name
        self._https = https
        self._lasts = int(lasts.total_seconds()) if lasts else None

    def read(self, request: HTTPConnection) -> str:
        return request.cookies.get(self.name, "")

    def write(self, response: Response, value: str) -> None:
        response.set_cookie(
            self.name, value, max_age=self._lasts, path="/", secure=self._https, httponly=True, samesite="lax"
        )

    def delete(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self._https, httponly=True, samesite="lax")
