"""A receiver of traces: OTLP by HTTP, as a collector takes it."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.running import PATIENCE
from tests.support.serving import served


class ReceivedSpan(NamedTuple):
    """A span, with the process that sent it."""

    process: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    links: tuple[tuple[bytes, bytes], ...]
    attributes: dict[str, str]
    failed: bool


@dataclass
class OtlpReceiver:
    """Keeps every span that it was sent."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_received(named["service.name"], span) for span in scope.spans]
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

    async def has(self, name: str, process: str, **attributes: str) -> list[ReceivedSpan]:
        """Wait for spans of this name and process with these attributes (`__` for a dot)."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        async with asyncio.timeout(PATIENCE):
            while not (found := self._found(name, f"tetsuzuki-{process}", wanted)):  # noqa: ASYNC110 others send them
                await asyncio.sleep(0.1)
        return found

    def _found(self, name: str, process: str, wanted: dict[str, str]) -> list[ReceivedSpan]:
        of_process = [each for each in self.named(name) if each.process == process]
        return [each for each in of_process if wanted.items() <= each.attributes.items()]

    def named(self, name: str) -> list[ReceivedSpan]:
        return [each for each in self.spans if each.name == name]

    def of_trace(self, trace_id: bytes) -> list[ReceivedSpan]:
        return [each for each in self.spans if each.trace_id == trace_id]


def _received(process: str, span: Span) -> ReceivedSpan:
    return ReceivedSpan(
        process,
        span.name,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        tuple((link.trace_id, link.span_id) for link in span.links),
        {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes},
        span.status.code == Status.STATUS_CODE_ERROR,
    )


@asynccontextmanager
async def receiving_traces() -> AsyncIterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    app = FastAPI()
    app.add_api_route("/v1/traces", receiver.take, methods=["POST"])
    async with served(app) as receiver.url:
        yield receiver
