"""What activities are built of."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinja2 import Environment
from temporalio.client import Client

from activities.common.outbox import Outbox
from activities.yayoi.registry.protocols import Registry
from models.common.calendar import BusinessCalendar
from models.common.store.ledger import Ledger
from models.common.store.sessions import DatabaseSessions
from models.common.web_ui_links import workflow_link
from workers.settings import Settings
from workers.wiring.derived import desk_url

Activities = list[Callable[..., Any]]


@dataclass(frozen=True)
class ActivityDependencies:
    """The parts that activities share, each built once."""

    settings: Settings
    sessions: DatabaseSessions
    client: Client
    calendar: BusinessCalendar
    ledger: Ledger
    registry: Registry
    outbox: Outbox
    templates: Environment
    """What all mails are written from."""

    @property
    def workflow_link(self) -> Callable[[str], str]:
        """Give the address of a workflow, by its id, in the Temporal Web UI."""
        return partial(workflow_link, desk_url(self.settings), self.settings.temporal_namespace)


def activities_of(*instances: object) -> Activities:
    """Return the methods of these instances that are activities."""
    members = (member for instance in instances for _, member in inspect.getmembers(instance, inspect.ismethod))
    return [member for member in members if hasattr(member, "__temporal_activity_definition")]
