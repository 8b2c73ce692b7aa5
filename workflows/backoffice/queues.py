"""The operators' queues: what there is to do, as queries of the Web UI's list.

A plain link opens the queue. One that also names it saves it among the operator's views each time it is opened: it
is for an operator's first day. Queues with dates (this week, today) are right on one day only and never saved.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlencode

from models.common.calendar import end_of
from models.common.waiting_for import WaitingFor
from models.yayoi.procedures import Stage
from workflows.common import search_attributes as columns

_OFFICE = "WorkflowType = 'OfficeDataProcedure'"
_OPERATORS_OWN = ("OfficeDataProcedure", "RepresentativeRegistration")
"""Procedures that operators follow from beginning to end."""
_AT_TIMES = ("UserInvitation", "ClientRegistration", "PasswordRenewal", "AddressChange")
"""Procedures that a firm leads itself, perhaps 10,000 at once: an operator is shown them only when it is their turn."""
_OPEN = "ExecutionStatus = 'Running'"
_AFTER_NOTICE = (Stage.SET_UP, Stage.RELINK, Stage.AFTER_CLOSING, Stage.CLOSED)
"""The due date (Y11) is that of the notice: it says nothing about cases that have theirs."""


@dataclass(frozen=True)
class QueueFilter:
    """For whom and for which day a queue is shown."""

    today: date
    """The day in Japan."""
    operator: str | None = None
    """Whose cases, by their handle; None: everybody's."""


class Queue(StrEnum):
    """The queues in the order of an operator's day; the values are their names."""

    WAITING_FOR_OPERATOR = "対応待ち"
    FAILING = "失敗が続いている処理"
    DEAD_LETTERS = "届かなかった通知"
    OVERDUE = "期限超過"
    DUE_THIS_WEEK = "今週が期限"
    ON_HOLD = "保留中"
    WAITING_FOR_APPLICANT = "申込者待ち"
    WAITING_FOR_HOLDER = "契約者の確認待ち"
    CLOSED_TODAY = "本日終了"

    @property
    def purpose(self) -> str:
        """What the queue is for, in a sentence."""
        return _QUEUES[self].purpose

    @property
    def for_one_day(self) -> bool:
        """Whether the query holds dates, so that a saved view of it would be wrong tomorrow."""
        return _QUEUES[self].for_one_day

    def name_for(self, filter_: QueueFilter) -> str:
        return f"{self}（{filter_.operator}）" if filter_.operator else self.value

    def query(self, filter_: QueueFilter) -> str:
        """Return the visibility query."""
        parts = list(_QUEUES[self].conditions(filter_))
        if filter_.operator:
            parts.append(f"{columns.ASSIGNEE.name} = {_text(filter_.operator)}")
        return " AND ".join(parts)


def link(ui_url: str, namespace: str, queue: Queue, filter_: QueueFilter, *, save: bool = False) -> str:
    """Return where the Web UI shows the queue. `save`: each opening also adds it to the saved views of that browser.

    Raises `ValueError` for a view to be saved that is for one day only.
    """
    if save and queue.for_one_day:
        raise ValueError(f"wrong tomorrow: {queue}")
    values = {"query": queue.query(filter_)}
    if save:
        values["savedQuery"] = queue.name_for(filter_)
    return f"{ui_url.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows?{urlencode(values, quote_via=quote)}"


@dataclass(frozen=True)
class _Queue:
    purpose: str
    conditions: Callable[[QueueFilter], Iterable[str]]
    for_one_day: bool = False


def _waiting_for(who: WaitingFor, *types: str) -> Callable[[QueueFilter], Iterable[str]]:
    # No conditions in parentheses: the Web UI shows each as a filter to click on, and takes such a pair apart.
    waiting = f"{columns.WAITING_FOR.name} = {_text(who)}"
    return lambda _: (_of(*types), _OPEN, waiting, f"{columns.ON_HOLD.name} = false")


def _of(*types: str) -> str:
    return f"WorkflowType IN ({', '.join(map(_text, types))})"


def _open_and(column: str) -> Callable[[QueueFilter], Iterable[str]]:
    return lambda _: (_OPEN, f"{column} = true")


def _overdue(_: QueueFilter) -> Iterable[str]:
    return (_OFFICE, _OPEN, f"{columns.OVERDUE.name} = true", _before_notice())


def _due_this_week(filter_: QueueFilter) -> Iterable[str]:
    monday = filter_.today - timedelta(days=filter_.today.weekday())
    due = columns.DUE_DATE.name
    first, last = _time(end_of(monday - timedelta(days=1))), _time(end_of(monday + timedelta(days=6)))
    return (_of(*_OPERATORS_OWN), _OPEN, f"{due} >= {first}", f"{due} < {last}", _before_notice())


def _closed_today(filter_: QueueFilter) -> Iterable[str]:
    first, last = _time(end_of(filter_.today - timedelta(days=1))), _time(end_of(filter_.today))
    return (_of(*_OPERATORS_OWN), f"CloseTime >= {first}", f"CloseTime < {last}")


def _before_notice() -> str:
    return f"{columns.STAGE.name} NOT IN ({', '.join(map(_text, _AFTER_NOTICE))})"


def _text(value: str) -> str:
    """Quote a text for a query. Raises `ValueError` for one that could end its quotes: no handle has such signs."""
    if "'" in value or "\\" in value:
        raise ValueError(f"not for a query: {value!r}")
    return f"'{value}'"


def _time(at: datetime) -> str:
    return f"'{at.isoformat()}'"


_QUEUES = {
    Queue.WAITING_FOR_OPERATOR: _Queue(
        "担当者の番になっている手続き。お客様に連絡し、対応を記録します。毎朝、最初に開きます。",
        _waiting_for(WaitingFor.OPERATOR, *_OPERATORS_OWN, *_AT_TIMES),
    ),
    Queue.FAILING: _Queue(
        "処理の失敗が続いている手続き。原因を取り除けば、自動で再開します。",
        _open_and(columns.FAILING.name),
    ),
    Queue.DEAD_LETTERS: _Queue(
        "他のシステムに届けられなかった通知（Webhook）。送信先に連絡し、直ったら、もう一度送信します。",
        lambda _: (
            "WorkflowType = 'WebhookDelivery'",
            _OPEN,
            f"{columns.WAITING_FOR.name} = {_text(WaitingFor.OPERATOR)}",
        ),
    ),
    Queue.OVERDUE: _Queue(
        "完了予定日を過ぎても、完了のお知らせを送れていない手続き。",
        _overdue,
    ),
    Queue.DUE_THIS_WEEK: _Queue(
        "完了予定日が今週（月曜から日曜）で、完了のお知らせをまだ送っていない手続き。"
        "今週に期限が切れる MYICS の招待も含みます。",
        _due_this_week,
        for_one_day=True,
    ),
    Queue.ON_HOLD: _Queue(
        "担当者が保留にした手続き。再開するまで、何も進まず、期限切れにもなりません。",
        lambda _: (_OFFICE, *_open_and(columns.ON_HOLD.name)(_)),
    ),
    Queue.WAITING_FOR_APPLICANT: _Queue(
        "申込者の訂正・共有の解除・設定・再連携や、MYICS の代表者の登録を待っている手続き。催促は自動で送られます。",
        _waiting_for(WaitingFor.APPLICANT, *_OPERATORS_OWN),
    ),
    Queue.WAITING_FOR_HOLDER: _Queue(
        "正しい事業所トークンがないため、契約者の確認を待っている手続き。確認をお願いするメールは自動で送られます。",
        _waiting_for(WaitingFor.HOLDER, "OfficeDataProcedure"),
    ),
    Queue.CLOSED_TODAY: _Queue(
        "今日、終了した手続き。取り消しや期限切れも含みます。",
        _closed_today,
        for_one_day=True,
    ),
}
