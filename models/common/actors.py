"""Who acts: the kinds of actor, and by which way an act came."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from models.common.operators import Role


class ActorKind(StrEnum):
    """What somebody is who acts on a case, and by what their handle names them."""

    OPERATOR = "operator"
    """By the handle that the house gives each."""
    APPLICANT = "applicant"
    """Whoever has the link of an application: by case and pair."""
    YAYOI_ID = "yayoi_id"
    """Signed in with a Yayoi ID: by the number of its row."""
    HOLDER = "holder"
    """The holder of a contract, by a mailed link: by the case."""
    REGISTRANT = "registrant"
    """Who registers for MYICS, by a mailed link: by the registration."""
    FIRM = "firm"
    """A firm that manages its users in MYICS: by the number of its row."""
    SYSTEM = "system"
    """Another system: by the name of its API key."""
    COMMAND = "command"
    """An engineer at the command line: by their own handle, else `uid-<n>`."""

    @property
    def label(self) -> str:
        return _KINDS[self]


_KINDS = {
    ActorKind.OPERATOR: "担当者",
    ActorKind.APPLICANT: "申込者",
    ActorKind.YAYOI_ID: "弥生ID でログインしたお客様",
    ActorKind.HOLDER: "契約者",
    ActorKind.REGISTRANT: "登録者",
    ActorKind.FIRM: "会計事務所",
    ActorKind.SYSTEM: "他のシステム",
    ActorKind.COMMAND: "コマンド",
}


_NAMED = {ActorKind.OPERATOR, ActorKind.SYSTEM, ActorKind.COMMAND}
"""Whose handle people know them by; the others' are numbers of rows."""


class Channel(StrEnum):
    """By which way an act came."""

    DESK = "desk"
    """A page of the operators' desk."""
    WEB_UI = "web_ui"
    """*Send an Update* of the Temporal Web UI, behind the desk's log-in."""
    PAGE = "page"
    """A page for customers."""
    API = "api"
    FORM = "form"
    """A form provider's webhook."""
    COMMAND = "command"


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, without their name or address."""

    kind: str
    """A value of `ActorKind`; a later build may know more."""
    handle: str
    roles: tuple[str, ...] = ()
    """Of an operator: values of `Role`."""
    channel: str = Channel.DESK

    def __str__(self) -> str:
        """Return what records name them by, such as `operator:sk`."""
        return f"{self.kind}:{self.handle}"

    @classmethod
    def recorded(cls, by: str) -> "Actor":
        """Return who was recorded by this name; roles are not recorded. Raises `ValueError` for another text."""
        kind, named, handle = by.partition(":")
        if not named:
            raise ValueError("no actor: KIND:HANDLE is wanted")
        return cls(kind, handle)

    @property
    def shown(self) -> str:
        """What people read: what they are, and the handle of those who have one of their own."""
        if self.kind not in _KINDS:
            return str(self)
        label = _KINDS[ActorKind(self.kind)]
        return f"{label} {self.handle}" if self.kind in _NAMED else label

    def has_any(self, roles: Collection[Role]) -> bool:
        return not set(self.roles).isdisjoint(roles)
