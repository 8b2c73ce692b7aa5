"""What protects answers, and what logs hold."""

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.auth_app import HANAKO, AuthApp
from workers import database
from workers.settings import Settings


async def test_an_unexpected_error_is_answered_with_the_security_headers_and_logged_without_its_text(
    auth_app: AuthApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await auth_app.http.get("/fails", params={"name": HANAKO})
    assert answer.status_code == 500
    assert "処理できませんでした：しばらくしてから" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert HANAKO not in caplog.text
    for expected in ("GET /fails failed", "LookupError", "auth_app.py", "in fails"):
        assert expected in caplog.text


async def test_over_tls_browsers_are_asked_never_to_come_without(auth_app: AuthApp, auth_app_with_tls: AuthApp) -> None:
    for path in ("/form", "/nowhere", "/fails?name=x", "/private"):
        assert "strict-transport-security" not in (await auth_app.http.get(path)).headers
        expected = (await auth_app_with_tls.http.get(path)).headers["strict-transport-security"]
        assert expected == "max-age=31536000"


async def test_what_could_not_be_stored_is_in_no_error_text(database_url: str) -> None:
    """Postgres names the values that collide; processes log errors."""
    engine = database.engine(Settings(database_url=database_url))
    row = {"yayoi_id": HANAKO, "family_name": "弥生", "given_name": "花子"}
    statement = text(
        "insert into yayoi_ids (yayoi_id, family_name, given_name) values (:yayoi_id, :family_name, :given_name)"
    )
    async with engine.begin() as connection:
        await connection.execute(statement, row)
    with pytest.raises(IntegrityError) as caught:
        async with engine.begin() as connection:
            await connection.execute(statement, row)
    await engine.dispose()
    error: BaseException | None = caught.value
    assert "yayoi_ids_yayoi_id_key" in str(error)
    assert getattr(caught.value.orig, "sqlstate", "") == "23505"
    while error is not None:
        assert HANAKO not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__
