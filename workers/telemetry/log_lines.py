"""Logs as JSON, one object a line, with the request and the case that each line is about."""

import json
import logging
from datetime import UTC, datetime

from opentelemetry import trace
from temporalio import activity, workflow

from models.common.case_context import case_of, current_case
from models.common.security_log import current_request


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON. What is not known is left out."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        request, span = current_request(), trace.get_current_span().get_span_context()
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
            "request": request.request_id if request else None,
            "case": case_at_hand(),
            "trace": f"{span.trace_id:032x}" if span.is_valid else None,
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in line.items() if value is not None}, ensure_ascii=False)


def case_at_hand() -> str | None:
    """Return the case that this request, activity or workflow is about; None if it is about none."""
    if activity.in_activity():
        workflow_id = activity.info().workflow_id
        return case_of(workflow_id) if workflow_id else None
    if workflow.in_workflow():
        return case_of(workflow.info().workflow_id)
    return current_case()
