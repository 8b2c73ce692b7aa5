"""A case with audit entries of all kinds, as the database and the keys make them, without a workflow."""

import json
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.actors import Actor, ActorKind
from models.common.audit_heads import AuditKeys, KnownKey
from models.common.commitments import new_salt, salted
from models.common.signatures import SignedPlace, Signer
from models.common.signed_acts import SignedAct
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey
from models.common.store.audit import audit

NO = "YS-000001"
AT = datetime(2026, 11, 4, 1, 0, tzinfo=UTC)
OPERATORS_KEY, CUSTOMERS_KEY, AUDIT_KEY = map(PrivateKey.new, KeyPurpose)
SATO = Actor(ActorKind.OPERATOR, "sk", ("caseworker",))
PERSON = "弥生 太郎"


def known_keys(*keys: PrivateKey, revoked: PrivateKey | None = None, at: str | None = None) -> AuditKeys:
    """What a verifier believes: these keys, all unless given."""
    known = [KnownKey(key.public) for key in keys or (OPERATORS_KEY, CUSTOMERS_KEY, AUDIT_KEY) if key is not revoked]
    gone = [KnownKey(revoked.public.now(KeyState.REVOKED), at)] if revoked else []
    return AuditKeys(known + gone)


def signed_act(operation: str, update_id: str, *, actor: Actor = SATO, key: PrivateKey = OPERATORS_KEY) -> SignedAct:
    """An operation as the desk signs it."""
    message = salted({"reason": f"{PERSON}様のお電話", "until": "2026-12-01"}, new_salt())
    place = SignedPlace(f"application/{NO}/office/1", "the-first-run", operation, update_id)
    entry = Signer(key).sign(actor, place, message).decode()
    where = {"workflow_id": place.case, "first_run": place.first_run, "operation": operation, "update_id": update_id}
    return SignedAct(by=str(actor), entry=entry, message=json.loads(json.dumps(message)), **where)


async def write_entries(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Three parts: system's entries by rules, signed ones, and one of a person by no signature."""
    async with sessions.begin() as session:
        audit(session, NO, "申込を受け付けた", by="申込者", at=AT, rule="Y9", offices=1)
        audit(session, NO, "スマート取引取込を凍結した", by="system", at=AT, part=1, rule="Y12")
    for number in (1, 2):
        act = signed_act("extend_deadline", f"update-{number}")
        async with sessions.begin() as session:
            said = {"by": act.by, "reason": act.message["reason"], "act": act, "name": PERSON}
            audit(session, NO, "期限を延ばす", at=AT, part=1, **said)
    async with sessions.begin() as session:
        audit(session, NO, "担当者を決めた", by="system", at=AT, part=2, operator="sk")
