"""Notifies a workflow that one of its activities keeps failing, so that operators find it in their lists."""

import logging
from typing import Any

from temporalio import activity
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.common.failures import FAILS_AT_ATTEMPT
from activities.common.outbox import HeldError
from models.common.messages import ACTIVITY_FAILING

_log = logging.getLogger(__name__)


class NotifyOfFailing(Interceptor):
    """Signals the workflow once an activity has failed so often that somebody should look."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's
        return _NotifyOfFailing(next)


class _NotifyOfFailing(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        try:
            return await super().execute_activity(input)
        except HeldError:
            raise  # it waits for a person, and fails no more than others that do
        except Exception:
            info = activity.info()
            if info.attempt % FAILS_AT_ATTEMPT == 0 and info.workflow_id and not info.is_local:
                try:
                    workflow = activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
                    await workflow.signal(ACTIVITY_FAILING)
                except RPCError:
                    _log.warning("could not notify %s of its failing activity", info.workflow_id)
            raise
