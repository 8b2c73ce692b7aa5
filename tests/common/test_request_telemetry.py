"""What is counted of requests: labels from closed lists, however many addresses somebody makes up."""

import re
from secrets import token_urlsafe

import pytest
from fastapi.routing import iter_route_contexts

from tests.support.web import Web
from web.common import measures, request_telemetry
from web.common.measures import METHODS, NO_ROUTE, count_request

STATUSES = {"1xx", "2xx", "3xx", "4xx", "5xx"}


class Counted:
    """Takes what is counted, with its labels."""

    def __init__(self) -> None:
        self.labels: set[tuple[tuple[str, str], ...]] = set()

    def add(self, _: int, labels: dict[str, str]) -> None:
        self.labels.add(tuple(labels.items()))

    def record(self, _: float, labels: dict[str, str]) -> None:
        self.labels.add(tuple(labels.items()))


async def test_a_request_is_counted_by_the_template_of_its_route_and_never_by_what_was_typed(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted()
    monkeypatch.setattr(measures, "_counter", lambda *_: counted)
    monkeypatch.setattr(measures, "_seconds", lambda *_: counted)
    templates = {str(route.path) for route in iter_route_contexts(web.app.routes)} | {NO_ROUTE}
    typed = "Kf3x9"
    for template in sorted(templates - {NO_ROUTE}):
        await web.http.get(re.sub(r"{[^}]*}", typed, template))
    for _ in range(50):
        await web.http.get(f"/{typed}{token_urlsafe(8)}")
        await web.http.request(f"{typed}{token_urlsafe(4)}".upper(), "/")
    await web.http.post("/api/applications", json={})

    found = {label for labels in counted.labels for label in labels}
    assert {value for name, value in found if name == "route"} <= templates
    assert {value for name, value in found if name == "method"} <= METHODS | {"other"}
    assert {value for name, value in found if name == "status"} <= STATUSES
    assert {name for name, _ in found} == {"route", "method", "status"}
    assert not [value for _, value in found if typed.upper() in value.upper()]
    assert ("route", NO_ROUTE) in found
    assert ("method", "other") in found


def test_every_status_is_one_of_five_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    monkeypatch.setattr(measures, "_counter", lambda *_: counted)
    monkeypatch.setattr(measures, "_seconds", lambda *_: counted)
    for status in range(100, 600):
        count_request("GET", "/", status, 0.1)
    assert {value for labels in counted.labels for name, value in labels if name == "status"} == STATUSES
    assert request_telemetry.route_of({"route": object()}) == NO_ROUTE
