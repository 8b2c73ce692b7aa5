"""Temporal's namespace is made ready for cases: retention, search attributes and schedules."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
)
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    UpdateNamespaceResponse,
)
from temporalio.client import Client
from temporalio.service import OperatorService, RPCError, RPCStatusCode, WorkflowService
from temporalio.testing import WorkflowEnvironment

from tests.support.namespaces import new_namespace
from tests.support.running import PATIENCE
from web.common.readiness import READY_PATH, add_readiness
from workers import namespace_set_up
from workers.namespace_set_up import TemporalSetUpError
from workers.schedules import DIGEST, RECONCILIATION
from workers.settings import Settings
from workers.temporal import current_build, namespace_is_there, prepare
from workflows.common import search_attributes

ROOT = Path(__file__).parents[2]
WANTED: dict[str, Any] = {key.name: int(key.indexed_value_type) for key in search_attributes.ALL}
HUNDRED_DAYS = Settings(temporal_retention=timedelta(days=100))


@pytest_asyncio.fixture
async def fresh(temporal: WorkflowEnvironment) -> Client:
    """A client of a namespace of this test alone, as a server makes it: kept for a day, without anything of ours."""
    return await new_namespace(temporal)


async def _retention(client: Client) -> timedelta:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    described = await client.workflow_service.describe_namespace(request)
    return described.config.workflow_execution_retention_ttl.ToTimedelta()


async def _custom(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def _schedules(client: Client) -> dict[str, Any]:
    ids = [DIGEST, RECONCILIATION]
    return {name: (await client.get_schedule_handle(name).describe()).schedule for name in ids}


async def test_a_new_namespace_gets_all_that_cases_need_and_preparing_it_again_changes_nothing(fresh: Client) -> None:
    assert not WANTED.keys() & (await _custom(fresh)).keys()
    await prepare(fresh, HUNDRED_DAYS)
    first = await _retention(fresh), await _custom(fresh), await _schedules(fresh)
    assert first[0] == timedelta(days=100)
    assert first[1].items() >= WANTED.items()
    await prepare(fresh, HUNDRED_DAYS)
    assert (await _retention(fresh), await _custom(fresh), await _schedules(fresh)) == first


async def test_what_an_older_build_lacks_is_added(fresh: Client) -> None:
    one = {"Stage": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}
    request = AddSearchAttributesRequest(namespace=fresh.namespace, search_attributes=one)
    await fresh.operator_service.add_search_attributes(request)
    await prepare(fresh, HUNDRED_DAYS)
    assert (await _custom(fresh)).items() >= WANTED.items()


async def test_a_retention_that_an_operator_has_made_longer_is_not_shortened(temporal: WorkflowEnvironment) -> None:
    client = await new_namespace(temporal, kept=timedelta(days=365))
    await prepare(client, HUNDRED_DAYS)
    assert await _retention(client) == timedelta(days=365)


async def test_a_search_attribute_of_another_type_is_named(fresh: Client) -> None:
    other = {"DueDate": IndexedValueType.INDEXED_VALUE_TYPE_TEXT}
    request = AddSearchAttributesRequest(namespace=fresh.namespace, search_attributes=other)
    await fresh.operator_service.add_search_attributes(request)
    with pytest.raises(TemporalSetUpError, match="of another type are in the way: DueDate: remove or rename"):
        await prepare(fresh, HUNDRED_DAYS)


async def test_a_namespace_that_does_not_exist_is_named_with_the_setting(temporal: WorkflowEnvironment) -> None:
    nowhere = Client(temporal.client.service_client, namespace="nowhere")
    assert not await namespace_is_there(nowhere)
    with pytest.raises(TemporalSetUpError, match="no namespace 'nowhere': make it there, or set TETSUZUKI_TEMPORAL_NA"):
        await prepare(nowhere, HUNDRED_DAYS)


class Operated(Client):
    """A client of the real server, whose search attributes somebody else looks after."""

    def __init__(
        self, real: Client, operator: type[OperatorService], service: type[WorkflowService] = WorkflowService
    ) -> None:
        super().__init__(real.service_client, namespace=real.namespace)
        self._operator = operator(real.service_client)
        self._service = service(real.service_client)

    @property
    def workflow_service(self) -> WorkflowService:
        return self._service

    @property
    def operator_service(self) -> OperatorService:
        return self._operator


class Rivalled(OperatorService):
    """Another process adds all but one, just before we do; as some servers do, this one then refuses the rest."""

    raced = False

    async def add_search_attributes(self, *arguments: Any, **options: Any) -> AddSearchAttributesResponse:
        if self.raced:
            return await super().add_search_attributes(*arguments, **options)
        self.raced = True
        [request] = arguments
        del request.search_attributes["Stage"]
        await super().add_search_attributes(request)
        raise RPCError("search attribute DueDate already exists", RPCStatusCode.ALREADY_EXISTS, b"")


async def test_another_process_that_registers_at_the_same_time_is_no_error(fresh: Client) -> None:
    client = Operated(fresh, Rivalled)
    await prepare(client, HUNDRED_DAYS)
    assert (await _custom(fresh)).items() >= WANTED.items()


class Forgetful(OperatorService):
    """Says yes and does nothing."""

    async def add_search_attributes(self, *_arguments: Any, **_options: Any) -> AddSearchAttributesResponse:
        return AddSearchAttributesResponse()


async def test_a_server_that_never_shows_what_it_has_taken_is_not_waited_for_for_ever(
    fresh: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespace_set_up, "_SHOWN_WITHIN", 0.3)
    with pytest.raises(TemporalSetUpError, match=r"does not show .*\(ApplicationNo, .*Stage.*\): see that it is well"):
        await prepare(Operated(fresh, Forgetful), HUNDRED_DAYS)


class Hosted(OperatorService):
    """As of a hosted Temporal: search attributes are made elsewhere."""

    async def add_search_attributes(self, *_arguments: Any, **_options: Any) -> AddSearchAttributesResponse:
        raise RPCError("request unauthorized", RPCStatusCode.PERMISSION_DENIED, b"")


class NotServed(Hosted):
    """The whole service is not there."""

    async def list_search_attributes(self, *_arguments: Any, **_options: Any) -> ListSearchAttributesResponse:
        raise RPCError("unknown service", RPCStatusCode.UNIMPLEMENTED, b"")


class OthersNamespace(WorkflowService):
    """Of a namespace that we may use, and not change."""

    async def update_namespace(self, *_arguments: Any, **_options: Any) -> UpdateNamespaceResponse:
        raise RPCError("request unauthorized", RPCStatusCode.PERMISSION_DENIED, b"")


class Unseen(OthersNamespace):
    """Nor look at."""

    async def describe_namespace(self, *_arguments: Any, **_options: Any) -> DescribeNamespaceResponse:
        raise RPCError("request unauthorized", RPCStatusCode.PERMISSION_DENIED, b"")


async def test_what_runs_needs_no_right_over_the_namespace(
    fresh: Client, sessions: async_sessionmaker[AsyncSession]
) -> None:
    app = FastAPI()
    add_readiness(app, sessions, Operated(fresh, NotServed, Unseen), "nobody-asks")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http:
        assert (await http.get(READY_PATH)).status_code == 200
    packages = [ROOT / name for name in ("models", "activities", "workflows", "web", "workers")]
    asks = re.compile(r"\.(?:operator_service|\w*(?:describe|update|register|delete|deprecate)_namespace)\b")
    found = {
        file.relative_to(ROOT).as_posix()
        for package in packages
        for file in package.rglob("*.py")
        if asks.search(file.read_text(encoding="utf-8"))
    }
    assert found == {"workers/namespace_set_up.py"}  # which `migrate` alone calls, and whoever starts a server


@pytest.mark.parametrize("operator", [Hosted, NotServed])
@pytest.mark.parametrize("service", [OthersNamespace, Unseen])
async def test_where_we_may_not_administer_it_is_said_what_to_make_and_all_else_is_prepared(
    operator: type[OperatorService], service: type[WorkflowService], fresh: Client
) -> None:
    settings = Settings(temporal_retention=timedelta(days=100), deployment_name="hosted", build_id="one")
    client = Operated(fresh, operator, service)
    retention, attributes = await prepare(client, settings)
    assert "at least 100 days" in retention
    assert all(f"{key.name} (" in attributes for key in search_attributes.ALL)
    assert "DueDate (Datetime)" in attributes
    await _schedules(fresh)
    assert await current_build(fresh, settings) == "one"
    # Once somebody has made them, nothing is left: also where only the namespace itself shows them.
    request = AddSearchAttributesRequest(namespace=fresh.namespace, search_attributes=WANTED)
    await fresh.operator_service.add_search_attributes(request)
    if (operator, service) == (NotServed, Unseen):
        return  # nothing shows them
    async with asyncio.timeout(PATIENCE):
        while len(await prepare(client, settings)) > 1:  # noqa: ASYNC110 the server's caches show them later
            await asyncio.sleep(0.1)
