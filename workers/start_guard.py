"""What keeps a workflow that a stranger has started from running, or from being tried again and again.

Anybody at Temporal's port can start a workflow on our task queue: with what nobody can read, with the number of
somebody's case, of a type that there is not, or with what was copied out of a case's history. What our own processes
start with is encrypted with the key of its own case, which nobody else has, and for this workflow.
"""

import logging
from collections.abc import Sequence

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info
from temporalio.workflow import _Definition as Definition

from models.common.json_text import read_json
from web.common.strangers import NOT_STARTED_BY_US
from workers.codec import is_own_input

NOT_OURS = "NotStartedByUs"
"""The type of the failure with which it ends."""
_log = logging.getLogger(__name__)


class StartGuard(WorkflowRunner):
    """Ends with a failure, at its first task, a workflow whose input is not encrypted with the key of its own case.

    One that was accepted once is never looked at again: a case whose key is away waits, and none fails.
    """

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner

    def prepare_workflow(self, defn: Definition) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        known = det.defn.name is not None
        return _Guarded(self._runner.create_instance(det), det.defn.arg_types if known else None)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _Guarded(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, inputs: Sequence[type] | None) -> None:
        self._instance = instance
        self._inputs = inputs
        self._refused = False

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        begun = [job.initialize_workflow for job in act.jobs if job.HasField("initialize_workflow")]
        if not act.is_replaying and not all(self._is_ours(start.arguments) for start in begun):
            self._refused = True
            return self._failed(act)
        if self._refused:  # it leaves the worker's memory
            return _completed(act)
        return self._instance.activate(act)

    def _is_ours(self, arguments: Sequence[Payload]) -> bool:
        fits = self._inputs is None or _fit(arguments, self._inputs)
        return fits and is_own_input(self.get_info().workflow_id, arguments)

    def _failed(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        _log.error("%s was not started by this installation: it is ended", self.get_info().workflow_id)
        completion = _completed(act)
        failure = completion.successful.commands.add().fail_workflow_execution.failure
        failure.message = NOT_STARTED_BY_US
        failure.application_failure_info.type = NOT_OURS
        failure.application_failure_info.non_retryable = True
        return completion

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        return self._instance.get_serialization_context(command_info)  # type: ignore[arg-type]  # the SDK's own

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return self._instance.get_external_store_context(command_info)  # type: ignore[arg-type]  # the SDK's own

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _fit(arguments: Sequence[Payload], inputs: Sequence[type]) -> bool:
    """Whether each names all that its type cannot be without: what was written for something else does not.

    What names it and cannot be read all the same is not judged here: it may be of a newer build.
    """
    return len(arguments) == len(inputs) and all(map(_names_all, arguments, inputs))


def _names_all(argument: Payload, input_: type) -> bool:
    if not issubclass(input_, BaseModel):
        return True
    needed = {name for name, field in input_.model_fields.items() if field.is_required()}
    try:
        given = read_json(argument.data)
    except ValueError:
        return False
    return isinstance(given, dict) and needed <= given.keys()


def _completed(act: WorkflowActivation) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=act.run_id)
    completion.successful.SetInParent()
    return completion
