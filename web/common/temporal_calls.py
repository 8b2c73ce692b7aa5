"""Calling Temporal from a request: quickly, and with one error for everything that means "not now"."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from models.common.temporal_answers import is_about_the_request

PATIENCE = timedelta(seconds=5)
"""How long a request waits for Temporal or a worker before it is answered without them."""


class UnreachableError(Exception):
    """Temporal or the worker cannot be reached now; what was asked for can be tried again."""


@asynccontextmanager
async def temporal_call(patience: timedelta = PATIENCE) -> AsyncIterator[None]:
    """Raise `UnreachableError` after `patience`, and for whatever Temporal does not say about this very request."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            yield
    except (TimeoutError, OSError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise UnreachableError from error
    except RuntimeError as error:  # what a lazy client raises while it cannot connect
        if not str(error).startswith("Failed client connect"):
            raise
        raise UnreachableError from error
    except RPCError as error:
        if is_about_the_request(error):
            raise
        raise UnreachableError from error
