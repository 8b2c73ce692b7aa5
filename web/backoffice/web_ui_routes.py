"""What of the Temporal Web UI operators can reach: every route of Temporal's HTTP interface is named here.

The table is compared with the annotations of `temporalio.api`'s services by a test: a route that the server gets is
refused, and the test fails until somebody has decided about it. Paths are matched as they were sent: a workflow's id
holds `%2F`, and a path that was decoded would be another one.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

API = "/api/v1"
RENDER = "/render"
"""Shows text of a case, with markup as it is, in a frame."""
CODEC = "/codec"
"""Where the Web UI has payloads decrypted: ours, on the same origin."""
SETTINGS = f"{API}/settings"
"""The Web UI's own: which of its buttons are there."""


class Treatment(StrEnum):
    """What becomes of a request."""

    FORWARDED = "forwarded"
    ANSWERED = "answered"
    """By us, in the Web UI's format."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Route:
    """One route of Temporal's HTTP interface; `{}` stands for one segment of its path."""

    method: str
    path: str

    @property
    def treatment(self) -> Treatment:
        if self == UPDATE:
            return Treatment.ANSWERED
        if self.method == "GET" or self == QUERY:
            return Treatment.FORWARDED
        return Treatment.REFUSED

    def segments(self, path: str) -> tuple[str, ...] | None:
        """Return what stands at each `{}` of a path as it was sent, decoded; None: it is another path."""
        parts, given = self.path.split("/"), path.split("/")
        if len(parts) != len(given):
            return None
        if any(part not in {"{}", sent} for part, sent in zip(parts, given, strict=True)):
            return None
        return tuple(unquote(sent) for part, sent in zip(parts, given, strict=True) if part == "{}")


_WORKFLOW = f"{API}/namespaces/{{}}/workflows/{{}}"
QUERY = Route("POST", f"{_WORKFLOW}/query/{{}}")
"""The details of a case are the answer to a query, which changes nothing."""
UPDATE = Route("POST", f"{_WORKFLOW}/update/{{}}")
"""*Send an Update.*"""
CANCEL = Route("POST", f"{_WORKFLOW}/cancel")

_READ = (
    "/cluster-info",
    "/namespaces",
    "/namespaces/{}",
    "/namespaces/{}/activities",
    "/namespaces/{}/activities/{}",
    "/namespaces/{}/activities/{}/outcome",
    "/namespaces/{}/activity-count",
    "/namespaces/{}/archived-workflows",
    "/namespaces/{}/batch-operations",
    "/namespaces/{}/batch-operations/{}",
    "/namespaces/{}/current-deployment/{}",
    "/namespaces/{}/deployments",
    "/namespaces/{}/deployments/{}/{}",
    "/namespaces/{}/deployments/{}/{}/reachability",
    "/namespaces/{}/nexus-operation-count",
    "/namespaces/{}/nexus-operations",
    "/namespaces/{}/nexus-operations/{}",
    "/namespaces/{}/nexus-operations/{}/poll",
    "/namespaces/{}/schedule-count",
    "/namespaces/{}/schedules",
    "/namespaces/{}/schedules/{}",
    "/namespaces/{}/schedules/{}/matching-times",
    "/namespaces/{}/search-attributes",
    "/namespaces/{}/task-queues/{}",
    "/namespaces/{}/task-queues/{}/worker-build-id-compatibility",
    "/namespaces/{}/task-queues/{}/worker-versioning-rules",
    "/namespaces/{}/worker-count",
    "/namespaces/{}/worker-deployment-versions/{}/{}",
    "/namespaces/{}/worker-deployments",
    "/namespaces/{}/worker-deployments/{}",
    "/namespaces/{}/worker-task-reachability",
    "/namespaces/{}/workers",
    "/namespaces/{}/workers/describe/{}",
    "/namespaces/{}/workflow-count",
    "/namespaces/{}/workflow-rules",
    "/namespaces/{}/workflow-rules/{}",
    "/namespaces/{}/workflows",
    "/namespaces/{}/workflows/{}",
    "/namespaces/{}/workflows/{}/history",
    "/namespaces/{}/workflows/{}/history-reverse",
    "/namespaces/{}/workflows/{}/time-skipping/poll",
    "/nexus/endpoints",
    "/nexus/endpoints/{}",
    "/system-info",
)
_CHANGING = (
    ("POST", "/namespaces"),
    ("POST", "/namespaces/{}/activities-deprecated/pause"),
    ("POST", "/namespaces/{}/activities-deprecated/reset"),
    ("POST", "/namespaces/{}/activities-deprecated/unpause"),
    ("POST", "/namespaces/{}/activities-deprecated/update-options"),
    ("POST", "/namespaces/{}/activities/{}"),
    ("POST", "/namespaces/{}/activities/{}/cancel"),
    ("POST", "/namespaces/{}/activities/{}/complete"),
    ("POST", "/namespaces/{}/activities/{}/fail"),
    ("POST", "/namespaces/{}/activities/{}/heartbeat"),
    ("POST", "/namespaces/{}/activities/{}/pause"),
    ("POST", "/namespaces/{}/activities/{}/reset"),
    ("POST", "/namespaces/{}/activities/{}/resolve-as-canceled"),
    ("POST", "/namespaces/{}/activities/{}/terminate"),
    ("POST", "/namespaces/{}/activities/{}/unpause"),
    ("POST", "/namespaces/{}/activities/{}/update-options"),
    ("POST", "/namespaces/{}/activity-complete"),
    ("POST", "/namespaces/{}/activity-fail"),
    ("POST", "/namespaces/{}/activity-heartbeat"),
    ("POST", "/namespaces/{}/activity-resolve-as-canceled"),
    ("POST", "/namespaces/{}/batch-operations/{}"),
    ("POST", "/namespaces/{}/batch-operations/{}/stop"),
    ("POST", "/namespaces/{}/current-deployment/{}"),
    ("POST", "/namespaces/{}/nexus-operations/{}"),
    ("POST", "/namespaces/{}/nexus-operations/{}/cancel"),
    ("POST", "/namespaces/{}/nexus-operations/{}/terminate"),
    ("DELETE", "/namespaces/{}/schedules/{}"),
    ("POST", "/namespaces/{}/schedules/{}"),
    ("POST", "/namespaces/{}/schedules/{}/patch"),
    ("POST", "/namespaces/{}/schedules/{}/update"),
    ("POST", "/namespaces/{}/task-queues/{}/update-config"),
    ("POST", "/namespaces/{}/update"),
    ("POST", "/namespaces/{}/worker-deployment-versions/{}"),
    ("DELETE", "/namespaces/{}/worker-deployment-versions/{}/{}"),
    ("POST", "/namespaces/{}/worker-deployment-versions/{}/{}/update-compute-config"),
    ("POST", "/namespaces/{}/worker-deployment-versions/{}/{}/update-metadata"),
    ("POST", "/namespaces/{}/worker-deployment-versions/{}/{}/validate-compute-config"),
    ("DELETE", "/namespaces/{}/worker-deployments/{}"),
    ("POST", "/namespaces/{}/worker-deployments/{}"),
    ("POST", "/namespaces/{}/worker-deployments/{}/set-current-version"),
    ("POST", "/namespaces/{}/worker-deployments/{}/set-manager"),
    ("POST", "/namespaces/{}/worker-deployments/{}/set-ramping-version"),
    ("POST", "/namespaces/{}/workers/fetch-config"),
    ("POST", "/namespaces/{}/workers/heartbeat"),
    ("POST", "/namespaces/{}/workers/update-config"),
    ("POST", "/namespaces/{}/workflow-rules"),
    ("DELETE", "/namespaces/{}/workflow-rules/{}"),
    ("POST", "/namespaces/{}/workflows/{}"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/complete"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/fail"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/heartbeat"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/pause"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/reset"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/resolve-as-canceled"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/unpause"),
    ("POST", "/namespaces/{}/workflows/{}/activities/{}/update-options"),
    ("POST", "/namespaces/{}/workflows/{}/pause"),
    ("POST", "/namespaces/{}/workflows/{}/reset"),
    ("POST", "/namespaces/{}/workflows/{}/signal-with-start/{}"),
    ("POST", "/namespaces/{}/workflows/{}/signal/{}"),
    ("POST", "/namespaces/{}/workflows/{}/terminate"),
    ("POST", "/namespaces/{}/workflows/{}/trigger-rule"),
    ("POST", "/namespaces/{}/workflows/{}/unpause"),
    ("POST", "/namespaces/{}/workflows/{}/update-options"),
    ("POST", "/nexus/endpoints"),
    ("DELETE", "/nexus/endpoints/{}"),
    ("POST", "/nexus/endpoints/{}/update"),
)
ROUTES = (
    *(Route("GET", API + path) for path in _READ),
    *(Route(method, API + path) for method, path in _CHANGING),
    QUERY,
    UPDATE,
    CANCEL,
)
"""Every route that the HTTP annotations of Temporal's services have."""

_PAGES = re.compile(r"/(namespaces|nexus|import|select-namespace)(/.*)?")
"""Pages of the Web UI: the same program for each."""
_ASSETS = re.compile(
    r"/(_app|css|codemirror|i18n)/.+|/(android|apple|banner|favicon|logo)[\w.-]*|/Temporal_Logo_Animation\.gif|/site\.webmanifest"
)
_IN_PATHS = re.compile(r"(/([\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+", re.ASCII)
_ONE_WORKFLOW = re.compile(rf"(?:{re.escape(API)})?/namespaces/[^/]+/workflows/([^/]+)")
_WAITING = re.compile(r".*/(poll|outcome)")


@dataclass(frozen=True)
class RouteDecision:
    """What becomes of one request to the Web UI."""

    treatment: Treatment
    route: Route | None = None
    """Of Temporal's HTTP interface; None: a page, or a part of one."""
    segments: tuple[str, ...] = ()
    """What stands at each `{}` of the route, decoded."""


def decide(method: str, path: str) -> RouteDecision:
    """Return what becomes of a request; `path` is as it was sent, without its query. What is not known is refused."""
    if not _is_plain(path):
        return RouteDecision(Treatment.REFUSED)
    reading = "GET" if method == "HEAD" else method
    for route in ROUTES:
        if route.method == reading and (segments := route.segments(path)) is not None:
            return RouteDecision(route.treatment, route, segments)
    own = path in {RENDER, SETTINGS} or _PAGES.fullmatch(path) or _ASSETS.fullmatch(path)
    return RouteDecision(Treatment.FORWARDED if own and reading == "GET" else Treatment.REFUSED)


def workflow_in(path: str) -> str | None:
    """Return the id of the workflow that a page or call shows, None if it is about no single one."""
    shown = _ONE_WORKFLOW.match(path)
    return unquote(shown[1]) if shown else None


def waits_for_news(path: str, query: str) -> bool:
    """Whether the Web UI asks to be answered only once something has happened."""
    return "waitnewevent=true" in query.lower().replace("_", "") or _WAITING.fullmatch(path) is not None


def _is_plain(path: str) -> bool:
    """Whether every program reads the path alike: no segment leads up, however it is written."""
    if not _IN_PATHS.fullmatch(path):
        return False
    decoded = unquote(path)
    return "\\" not in decoded and not {"..", "."} & set(unquote(decoded).split("/"))
