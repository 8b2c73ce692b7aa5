"""Notifies a workflow that one of its activities keeps failing, so that operators find it in their lists."""

import logging
from typing import Any

from temporalio import activity
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.common.messages import ACTIVITY_FAILING

NOTIFIED_AT_ATTEMPT = 7
"""About two minutes of retries: longer than a restart of anything takes. Notified again after as many more."""

_log = logging.getLogger(__name__)


class NotifyOfFailing(Interceptor):
    """Signals the workflow once an activity has failed so often that somebody should look."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's
        return _NotifyOfFailing(next)


class _NotifyOfFailing(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        try:
            return await super().execute_activity(input)
        except Exception:
            info = activity.info()
            if info.attempt % NOTIFIED_AT_ATTEMPT == 0 and info.workflow_id and not info.is_local:
                try:
                    workflow = activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
                    await workflow.signal(ACTIVITY_FAILING, info.activity_type)
                except RPCError:
                    _log.warning("could not notify %s of its failing activity", info.workflow_id)
            raise
