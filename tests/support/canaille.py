"""Canaille, a real OpenID provider, on a free port: its one client is the operators' web application."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from joserfc.jwk import RSAKey

from tests.support.running import PATIENCE
from tests.support.web import until
from web.backoffice.desk_sign_in import CALLBACK, SIGNED_OUT
from web.common.auth.openid import OpenIdSettings

CLIENT_ID, CLIENT_SECRET = "desk", "the-secret-of-the-desk-at-canaille"
_PROGRAM = Path(sys.executable).with_name("canaille")


@asynccontextmanager
async def canaille(desk_url: str, users: Mapping[str, str]) -> AsyncIterator[OpenIdSettings]:
    """Run it for the application at this address. `users`: each one's password, by name, which is their `sub`."""
    with TemporaryDirectory(prefix="tetsuzuki-canaille-") as folder:
        port = _free_port()
        environment = _environment(Path(folder), port)
        await _run(environment, "db", "upgrade")
        for name, password in users.items():
            await _run(
                environment,
                *("create", "user", "--user-name", name, "--password", password),
                *("--family-name", name, "--emails", f"{name}@provider.example.jp"),
            )
        await _run(
            environment,
            *("create", "client", "--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET),
            *("--client-name", "desk", "--client-uri", desk_url, "--redirect-uris", f"{desk_url}{CALLBACK}"),
            *("--post-logout-redirect-uris", f"{desk_url}{SIGNED_OUT}", "--scope", "openid"),
            *("--grant-types", "authorization_code", "--response-types", "code"),
            *("--token-endpoint-auth-method", "client_secret_basic"),
        )
        # What its own page for clients does, too: else its tokens would be for nobody.
        await _run(environment, "set", "client", CLIENT_ID, "--audience", CLIENT_ID)
        server = await asyncio.create_subprocess_exec(
            _PROGRAM,
            *("run", "--bind", f"127.0.0.1:{port}"),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        issuer = f"http://127.0.0.1:{port}"
        try:
            await until(lambda: _answers(issuer))
            yield OpenIdSettings(issuer, CLIENT_ID, CLIENT_SECRET)
        finally:
            server.terminate()
            await server.wait()


async def _answers(issuer: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            return (await http.get(f"{issuer}/.well-known/openid-configuration")).is_success
    except httpx.TransportError:
        return False


async def _run(environment: Mapping[str, str], *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        _PROGRAM, *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


def _environment(folder: Path, port: int) -> dict[str, str]:
    key = RSAKey.generate_key(2048, {"kid": "canaille", "use": "sig", "alg": "RS256"})
    file = folder / "canaille.toml"
    file.write_text(
        "\n".join(
            [
                'SECRET_KEY = "a secret of the tests"',
                f'SERVER_NAME = "127.0.0.1:{port}"',
                'PREFERRED_URL_SCHEME = "http"',
                "SESSION_COOKIE_SECURE = false",
                "[CANAILLE]",
                'NAME = "The house\'s log-in"',
                "[CANAILLE_SQL]",
                f'DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"',
                "[CANAILLE_OIDC]",
                "[[CANAILLE_OIDC.ACTIVE_JWKS]]",
                *(f"{name} = {json.dumps(value)}" for name, value in key.as_dict(private=True).items()),
            ]
        ),
        encoding="utf-8",
    )
    return {**os.environ, "CANAILLE_CONFIG": str(file)}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
