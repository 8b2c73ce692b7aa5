"""Operations that were confirmed for many cases at once: the ids of their updates say so."""

from uuid import UUID

from models.common.desk_links import WORKLIST


def bulk_update_id(bulk_id: UUID, case: object) -> str:
    """Return the id of the update that a bulk action sends to a case."""
    return f"{bulk_id}/{case}"


def bulk_of(update_id: str | None) -> UUID | None:
    """Return the bulk action that an update belongs to; None: it was sent by itself."""
    bulk_id, sent_by_one, _ = (update_id or "").partition("/")
    try:
        return UUID(bulk_id) if sent_by_one else None
    except ValueError:
        return None


def hand_over_key(kind: str, update_id: str | None) -> str | None:
    """Return the key of the mail about all cases that were handed over at once: whoever gets 500 gets one mail.

    None: the case was handed over by itself, and has a mail of its own.
    """
    bulk_id = bulk_of(update_id)
    return f"bulk:{bulk_id}:mail.{kind}" if bulk_id else None


def others_handed_over(desk_url: str, update_id: str | None) -> str:
    """Return where the colleague sees the others that they got with a case; "" if there are none."""
    return f"{desk_url}{WORKLIST}?show=mine" if bulk_of(update_id) else ""
