"""The cookies: how each is named and what keeps it safe."""

from starlette.requests import HTTPConnection
from starlette.responses import Response


class Cookie:
    """One cookie of this site alone, which no script can read. It ends with the browser."""

    def __init__(self, name: str, *, https: bool) -> None:
        # Browsers take a `__Host-` cookie only from this very host, over TLS: no neighbour can plant one.
        self.name = f"__Host-{name}" if https else name
        self._https = https

    def read(self, request: HTTPConnection) -> str:
        return request.cookies.get(self.name, "")

    def write(self, response: Response, value: str) -> None:
        response.set_cookie(self.name, value, path="/", secure=self._https, httponly=True, samesite="lax")

    def delete(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self._https, httponly=True, samesite="lax")
