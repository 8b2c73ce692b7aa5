"""What keeps a worker that was started past the replay check from running cases that its build would break."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import _Definition as Definition

from models.backoffice.store.builds import has_passed, note_passed, note_untaken
from models.common.calendar import utc_now
from models.common.store.sessions import DatabaseSessions
from workers import temporal
from workers.build_id import build_id, installed_code
from workers.commands.replay import replay_following
from workers.settings import Settings
from workers.wiring.root import UNRESTRICTED, WORKFLOWS

LOOK_EVERY = 20.0
"""Seconds between two looks whether this build has become the current one without a replay check."""

_log = logging.getLogger(__name__)


class UntakenCaseError(Exception):
    """This build would break the case; its task fails, nothing in it is done, and a good build goes on with it."""


class GuardedRunner(WorkflowRunner):
    """Runs workflows, but those that it refuses: their tasks fail before any code of theirs runs."""

    def __init__(self, runner: WorkflowRunner = UNRESTRICTED) -> None:
        self._runner = runner
        self.refused: frozenset[str] = frozenset()

    def prepare_workflow(self, defn: Definition) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        if det.info.workflow_id in self.refused:
            raise UntakenCaseError(f"this build would break {det.info.workflow_id}: it is left to another one")
        return self._runner.create_instance(det)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class ReplayGuard:
    """Looks whether this build has passed the replay check, and runs it otherwise.

    `migrate` runs it before a build becomes current. Past it come a build that somebody has made current by hand, and
    changed code under a build id of before.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        sessions: DatabaseSessions,
        *,
        workflows: Sequence[type] = WORKFLOWS,
        runner: WorkflowRunner = UNRESTRICTED,
        code: str | None = None,
    ) -> None:
        """`code`: the hash of what runs, where it is not what is installed."""
        self._client = client
        self._settings = settings
        self._sessions = sessions
        self._workflows = workflows
        self._code = code or installed_code()
        self._current = False
        self.runner = GuardedRunner(runner)

    @asynccontextmanager
    async def on_duty(self, look_every: float = LOOK_EVERY) -> AsyncIterator[None]:
        """Look before the worker runs, and while it does."""
        await self.look()
        looking = asyncio.create_task(self._keep_looking(look_every))
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def look(self) -> None:
        """Check what this build would break, once it is the current one; note it for operators and `health`."""
        is_current = await temporal.current_build(self._client, self._settings) == build_id(self._settings)
        if is_current and not self._current:
            self.runner.refused = await self._would_break()
            async with self._sessions.begin() as session:
                await note_untaken(session, self.runner.refused, build_id(self._settings), utc_now())
        self._current = is_current

    async def _would_break(self) -> frozenset[str]:
        mine = build_id(self._settings), self._code
        async with self._sessions() as session:
            if await has_passed(session, *mine):
                return frozenset()
        _log.warning("build %s has passed no replay check: it is made now, before any case is taken", mine[0])
        broken = {
            each.workflow_id: each.breaks_because
            async for each in replay_following(self._client, self._settings, self._workflows)
            if each.breaks_because
        }
        for workflow_id, why in sorted(broken.items()):
            _log.error("build %s would break %s and does not take it: %s", mine[0], workflow_id, why)
        if not broken:
            async with self._sessions.begin() as session:
                await note_passed(session, *mine, utc_now())
        return frozenset(broken)

    async def _keep_looking(self, look_every: float) -> None:
        while True:
            await asyncio.sleep(look_every)
            try:
                await self.look()
            except (RPCError, OSError) as error:
                _log.warning("whether this build is current could not be looked up: %s", type(error).__name__)
