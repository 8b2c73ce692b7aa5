"""Customers as records name them when they act themselves: by case and pair, or by the number of their row."""

from models.common.actors import Actor, ActorKind, Channel


def applicant(application_no: str, office_no: int | None = None) -> Actor:
    """Whoever has the link of an application, or of one of its pairs."""
    handle = application_no if office_no is None else f"{application_no}/{office_no}"
    return Actor(ActorKind.APPLICANT, handle, channel=Channel.PAGE)


def holder(application_no: str) -> Actor:
    """The contract's holder, by a link that was mailed to the contract's address about an application."""
    return Actor(ActorKind.HOLDER, application_no, channel=Channel.PAGE)


def signed_in(person_number: int) -> Actor:
    """Whoever is signed in with a Yayoi ID, by the number of its row."""
    return Actor(ActorKind.YAYOI_ID, str(person_number), channel=Channel.PAGE)
