"""Checking a pair against the registry (Y1, Y2, Y3, Y5), and letting it hold what is right."""

from dataclasses import dataclass

from temporalio import activity

from activities.yayoi.cases import Pair, find_notified_pair, find_open_pair, has_its_contract_id
from activities.yayoi.registry.protocols import Registry
from models.common.identifiers import ledger_key
from models.common.store.ledger import StepInput, StepTransaction, once
from models.common.store.sessions import DatabaseSessions
from models.tables import HolderConfirmationRow
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.messages import CheckResult, CorrectPairStep, FrozenImport, OfficeStep
from models.yayoi.pair_rules import (
    IN_ANOTHER_GROUP,
    MANAGED_ALREADY,
    MANAGES_ANOTHER_OFFICE,
    NOT_ISSUED_TO_IT,
    NOT_OF_THE_CONTRACT,
    NOT_REGISTERED,
    SET_UP_IS_LEFT,
    PairProblem,
    PairRule,
    token_held,
    yayoi_id_held,
)
from models.yayoi.store.after_closing import with_something_open
from models.yayoi.store.confirmations import confirmations_of, is_allowed, settle
from models.yayoi.store.holding import Held, Named, held_by_others
from models.yayoi.store.recorded_office import recorded_office
from models.yayoi.store.smart_import import FREEZE, FROZEN

_OF_ANOTHER_CONTRACT = "別のご契約の事業所データのトークンです。取り違えの可能性があります。"


@dataclass(frozen=True)
class PairCheck:
    """Finds what is right of a pair: the pair holds that and nothing else, so that no mistake blocks anybody (Y1)."""

    registry: Registry

    async def settle(self, transaction: StepTransaction, step: StepInput, pair: Pair) -> CheckResult:
        """Let the pair hold what is right, and freeze its office (Y12); return every reason why it cannot go on.

        The office is frozen whatever is wrong with the Yayoi ID. Two that hold the same thing in one moment meet at a
        unique index: the step of the second fails, is tried again and finds the first.
        """
        held = await held_by_others(transaction.session, pair.office, pair.office)
        reading = _reading(transaction)
        of_token = await self._of_token(reading, pair, held)
        await self._hold_token(transaction, step, pair, right=pair.token is not None and of_token is None)
        confirmation = await _confirmation(transaction, pair, of_token)
        # What is wrong with the ID is said only to whoever may have one issued: others would learn of addresses.
        may_be_issued = confirmation is None or is_allowed(confirmation)
        of_yayoi_id = await self._of_yayoi_id(reading, pair, held) if may_be_issued else None
        pair.office.holds_id = may_be_issued and of_yayoi_id is None
        await transaction.session.flush()
        return CheckResult(
            problems=tuple(problem for problem in (of_yayoi_id, of_token) if problem),
            frozen=pair.office.holds_token,
            waits_for_holder=confirmation is not None and confirmation.settled_as is None,
            refused_by_holder=confirmation is not None and confirmation.settled_as == ConfirmationOutcome.REFUSED,
            holder_unasked=confirmation is not None and confirmation.named_in is None,
        )

    async def refuse_correction(self, transaction: StepTransaction, pair: Pair, step: CorrectPairStep) -> str | None:
        """Return why what was typed cannot replace what the pair names: another application holds it (Y1)."""
        named = Named(
            step.yayoi_id or pair.office.yayoi_id,
            step.office_token or pair.office.office_token,
            step.issued_contract_id or pair.office.issued_contract_id,
        )
        held = await held_by_others(transaction.session, pair.office, named)
        changed = {"token": bool(step.office_token), "yayoi_id": bool(step.yayoi_id or step.issued_contract_id)}
        problems = held.problems_of_change(named, pair.existing_contract_id, **changed)
        return problems[0].message if problems else None

    async def name_of_office(self, transaction: StepTransaction, pair: Pair) -> str | None:
        """Return what the office is called that the pair's token names; None if it is not the contract's own (Y5)."""
        if pair.token is None:
            return None
        return await self.registry.offices.name_of(_reading(transaction), pair.token, pair.existing_contract_id)

    async def _hold_token(self, transaction: StepTransaction, step: StepInput, pair: Pair, *, right: bool) -> None:
        office = pair.office
        held_before, office.holds_token = office.holds_token, right
        await transaction.session.flush()
        if not right:
            if held_before:
                await self.registry.smart_import.thaw(transaction, pair.linked_token)
            return
        frozen_now = False

        async def freeze(first: StepTransaction) -> FrozenImport:
            nonlocal frozen_now
            frozen_now = True
            await self.registry.smart_import.freeze(first, pair.linked_token)
            first.audit(FROZEN, rule="Y12")
            return FrozenImport(frozen_at=first.at)

        await once(transaction.session, step, FREEZE, FrozenImport, freeze)
        if not held_before and not frozen_now:  # it was frozen for another office, which the token named before
            await self.registry.smart_import.freeze(transaction, pair.linked_token)

    async def _of_yayoi_id(self, transaction: StepTransaction, pair: Pair, held: Held) -> PairProblem | None:
        if not await self.registry.yayoi_ids.is_registered(transaction, pair.yayoi_id):
            return NOT_REGISTERED
        if pair.office.issued_contract_id:
            if problem := await self._of_contract_id(transaction, pair):
                return problem
        elif await self.registry.yayoi_ids.group_of(transaction, pair.yayoi_id):
            return IN_ANOTHER_GROUP
        elif await with_something_open(transaction.session, [pair.yayoi_id]):
            return SET_UP_IS_LEFT
        if holder := held.yayoi_id(pair.office):
            return yayoi_id_held(holder.number_for(pair.existing_contract_id))
        return None

    async def _of_contract_id(self, transaction: StepTransaction, pair: Pair) -> PairProblem | None:
        """会計連携の追加: the ID issued before is this Yayoi ID's own on this contract (Y9), with no office yet (Y1).

        That of another customer, whoever knows it, gets no office of somebody else's.
        """
        contracts, contract_id = self.registry.contracts, pair.contract_id_to_attach
        if not await contracts.is_issued_to(transaction, contract_id, pair.yayoi_id, pair.existing_contract_id):
            return NOT_ISSUED_TO_IT
        return MANAGES_ANOTHER_OFFICE if await contracts.manages_an_office(transaction, contract_id) else None

    async def _of_token(self, transaction: StepTransaction, pair: Pair, held: Held) -> PairProblem | None:
        offices = self.registry.offices
        if pair.token is None:
            return None
        if await self.name_of_office(transaction, pair) is None:
            elsewhere = await offices.exists(transaction, pair.token)
            return NOT_OF_THE_CONTRACT.model_copy(update={"for_operators": _OF_ANOTHER_CONTRACT if elsewhere else ""})
        if await offices.is_managed(transaction, pair.token):
            return MANAGED_ALREADY
        if holder := held.token(pair.office):
            return token_held(holder.number_for(pair.existing_contract_id))
        return None


async def _confirmation(
    transaction: StepTransaction, pair: Pair, of_token: PairProblem | None
) -> HolderConfirmationRow | None:
    """Return the confirmation that the pair needs.

    One that shows a token of the contract settles those of the whole application (Y5a).
    """
    rows = await confirmations_of(transaction.session, pair.office.application_no, lock=True)
    own = of_token is None or of_token.rule is not PairRule.TOKEN_OF_THE_CONTRACT
    unsettled = [row for row in rows.values() if row.settled_as is None]
    if unsettled and pair.token is not None and own:
        for row in unsettled:
            settle(row, ConfirmationOutcome.TOKEN_SHOWN)
        transaction.audit("ご契約の事業所データのトークンが示されたため、契約者の確認は不要になった", rule="Y5a")
    return rows.get(pair.office.office_no)


def _reading(transaction: StepTransaction) -> StepTransaction:
    return StepTransaction.to_read(transaction.session, transaction.at, transaction.case_no, transaction.part)


class PairCheckActivities:
    """Checks a pair anew each time: the result is what is true then, and what the pair holds follows it."""

    def __init__(self, sessions: DatabaseSessions, check: PairCheck) -> None:
        self._sessions = sessions
        self._check = check

    @activity.defn
    async def check_pair(self, step: OfficeStep) -> CheckResult:
        """Let the pair hold what is right, freeze its office, and return every reason why it cannot be processed.

        One that has its contract ID goes on as it is, and one that was undone and closed holds nothing any more.
        """
        async with self._sessions.begin() as session:
            recorded = await recorded_office(session, step.case_no, step.part)
            if recorded.undone_as:
                return CheckResult(recorded=recorded)
            if await has_its_contract_id(session, step.case_no, step.part):
                pair = await find_notified_pair(session, step.case_no, step.part)
                return CheckResult(frozen=pair.office.holds_token, recorded=recorded)
            pair = await find_open_pair(session, step.case_no, step.part, lock=True)
            key = ledger_key(step.case_no, step.part, f"check.{step.at.isoformat()}")
            transaction = StepTransaction(session, key, step.case_no, step.part, step.at)
            result = await self._check.settle(transaction, step, pair)
            return result.model_copy(update={"recorded": recorded})
