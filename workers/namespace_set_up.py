"""What a namespace must have before cases can run: a retention that is long enough, and our search attributes.

A hosted Temporal may not let us change a namespace: then what is left to others is said, and all else is done.
"""

import asyncio

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workers.program import ClearError
from workers.settings import Settings
from workflows.common import search_attributes

_SHOWN_WITHIN = 60.0  # seconds
_LOOK_AGAIN_AFTER = 0.1
_NOT_OURS_TO_DO = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}
"""What a server answers who may not administer the namespace, or who keeps such calls elsewhere."""
_WANTED = {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in search_attributes.ALL}


class TemporalSetUpError(ClearError):
    """The namespace cannot be made ready for cases; the message says why and what to do."""


async def describe(client: Client) -> DescribeNamespaceResponse:
    """Return what the server says of the namespace."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    return await client.workflow_service.describe_namespace(request, retry=True)


async def keep_closed_cases(client: Client, settings: Settings) -> str | None:
    """Keep closed cases long enough; return what is left to somebody else. Never shortened: one may have set more."""
    days = settings.temporal_retention.days
    left = f"keep closed workflows for at least {days} days: set the retention of the namespace {client.namespace!r}"
    try:
        namespace = await describe(client)
        kept = namespace.config.workflow_execution_retention_ttl.ToTimedelta()
        if kept < settings.temporal_retention:
            left += f", which is {kept.days} days"
            retention = Duration()
            retention.FromTimedelta(settings.temporal_retention)
            config = NamespaceConfig(workflow_execution_retention_ttl=retention)
            await client.workflow_service.update_namespace(
                UpdateNamespaceRequest(namespace=client.namespace, config=config)
            )
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_DO:
            raise
        return left
    return None


async def register_search_attributes(client: Client) -> str | None:
    """Register what is missing; return what is left to somebody else.

    Raises:
        TemporalSetUpError: one of another type is in the way, or the server does not show what it has taken.

    """
    registered: dict[str, int] = {}
    try:
        async with asyncio.timeout(_SHOWN_WITHIN):
            while missing := _WANTED.keys() - (registered := await _registered(client)).keys():
                await _add(client, {name: _WANTED[name] for name in missing})
                await asyncio.sleep(_LOOK_AGAIN_AFTER)
    except TimeoutError:
        late = ", ".join(sorted(_WANTED.keys() - registered.keys()))
        raise TemporalSetUpError(
            f"Temporal does not show search attributes that were registered ({late}): see that it is well; try again"
        ) from None
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_DO:
            raise
        left = sorted(_WANTED.keys() - (registered.keys() or await _aliases(client)))
        if not left:
            return None
        kinds = ", ".join(f"{name} ({_kind(_WANTED[name])})" for name in left)
        return f"make these search attributes in the namespace {client.namespace!r}, of these types: {kinds}"
    wrong = sorted(name for name, kind in _WANTED.items() if registered[name] != kind)
    if wrong:
        raise TemporalSetUpError(
            f"search attributes of another type are in the way: {', '.join(wrong)}: "
            "remove or rename them, or set TETSUZUKI_TEMPORAL_NAMESPACE to a namespace without them"
        )
    return None


def _kind(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").capitalize()


async def _add(client: Client, missing: dict[str, IndexedValueType.ValueType]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process was faster, or we were, and the server's caches show it later.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _registered(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    found = await client.operator_service.list_search_attributes(request, retry=True)
    return {**found.system_attributes, **found.custom_attributes}


async def _aliases(client: Client) -> set[str]:
    """Return the names that the namespace itself shows, to who may not list search attributes."""
    try:
        return set((await describe(client)).config.custom_search_attribute_aliases.values())
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_DO:
            raise
        return set()
