"""Links to services: remembered before they are lost (Y14), made again afterwards (Y21)."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.yayoi.cases import find_notified_pair, find_open_pair
from activities.yayoi.registry.protocols import Links
from models.common.store.ledger import Ledger, StepTransaction
from models.tables import RememberedLinkRow
from models.yayoi.messages import (
    CorrectedRelink,
    CorrectRelinkStep,
    OfficeStep,
    RecordRelink,
    Relinked,
    RememberedLink,
    RememberedLinks,
)
from models.yayoi.service_links import Coverage, LinkedService, LinkKind, first_day_covered
from models.yayoi.store.remembered_links import NOT_RECORDED, RELINK_CORRECTED
from models.yayoi.store.retractions import RETRACTED


async def keep_links(transaction: StepTransaction, links: Sequence[LinkedService]) -> tuple[RememberedLink, ...]:
    """Write down for the pair what its office's links were (Y14); what was kept before stays as it was.

    Returns them by their numbers: which services they are is in the pair's own rows alone, since a service may be
    called by the number of an account.
    """
    pair = {"application_no": transaction.case_no, "office_no": transaction.part}
    kept = (await transaction.session.scalars(select(RememberedLinkRow).filter_by(**pair))).all()
    numbers = {(row.kind, row.service): row.number for row in kept}
    for link in links:
        if (link.kind, link.service) not in numbers:
            numbers[link.kind, link.service] = number = max(numbers.values(), default=0) + 1
            transaction.session.add(RememberedLinkRow(**pair, number=number, **asdict(link)))
    await transaction.session.flush()
    return tuple(
        RememberedLink(number=numbers[link.kind, link.service], kind=link.kind, last_imported_on=link.last_imported_on)
        for link in links
    )


class LinkActivities:
    """Keeps what the links were, and records what the new ones cover."""

    def __init__(self, ledger: Ledger, links: Links) -> None:
        self._ledger = ledger
        self._links = links

    @activity.defn
    async def remember_links(self, step: OfficeStep) -> RememberedLinks:
        """Keep kind, service and last imported day of every link of the office (Y14)."""

        async def remember(transaction: StepTransaction) -> RememberedLinks:
            pair = await find_open_pair(transaction.session, step.case_no, step.part, lock=True)
            links = await keep_links(transaction, await self._links.current(transaction, pair.own_token))
            transaction.audit("連携を記録した", rule="Y14", links=[link.model_dump(mode="json") for link in links])
            return RememberedLinks(links=links)

        return await self._ledger.once(step, "remember_links", RememberedLinks, remember)

    @activity.defn
    async def record_relink(self, step: RecordRelink) -> Relinked:
        """Record one service linked again, and say from which day on it covers (Y21). One that is recorded stays.

        Raises a final error if the pair had no such link.
        """

        async def record(transaction: StepTransaction) -> Relinked:
            return await self.record_relink_in(transaction, step)

        return await self._ledger.once(step, f"relink.{step.report.link}.{step.counted}", Relinked, record)

    async def record_relink_in(self, transaction: StepTransaction, step: RecordRelink) -> Relinked:
        """The same, as part of a step's transaction."""
        report = step.report
        pair = await find_notified_pair(transaction.session, step.case_no, step.part)
        link = await _remembered(transaction, report.link)
        if link is None:
            raise ApplicationError(_NOT_REMEMBERED, type="NotRemembered", non_retryable=True)
        kind = LinkKind(link.kind)
        if link.relinked_on and link.first_covered_on:
            transaction.audit("再連携は記録済みだった", by=step.by, reason=report.reason, link=report.link)
            recorded = Coverage(last_imported_on=link.last_imported_on, first_covered_on=link.first_covered_on)
            return Relinked(number=report.link, kind=kind, coverage=recorded)
        covered = first_day_covered(kind, report.relinked_on, report.asked_from)
        link.relinked_on, link.first_covered_on = report.relinked_on, covered
        await transaction.session.flush()
        await self._links.make(transaction, pair.linked_token, kind, link.service, covered)
        coverage = Coverage(last_imported_on=link.last_imported_on, first_covered_on=covered)
        transaction.audit(
            "再連携を記録した",
            by=step.by,
            reason=report.reason,
            rule="Y21",
            event_id=report.event_id,
            link=report.link,
            kind=kind,
            coverage=coverage.model_dump(mode="json"),
        )
        return Relinked(number=report.link, kind=kind, coverage=coverage)

    @activity.defn
    async def correct_relink(self, step: CorrectRelinkStep) -> CorrectedRelink:
        """Correct the days of a re-link, or take its record back, as long as the case is kept (Y21).

        Raises a final error if no such re-link is recorded.
        """

        async def correct(transaction: StepTransaction) -> CorrectedRelink:
            return await self.correct_relink_in(transaction, step)

        return await self._ledger.once(step, f"correct_relink.{step.counted}", CorrectedRelink, correct)

    async def correct_relink_in(self, transaction: StepTransaction, step: CorrectRelinkStep) -> CorrectedRelink:
        """The same, as part of a step's transaction."""
        pair = await find_notified_pair(transaction.session, step.case_no, step.part)
        link = await _remembered(transaction, step.link)
        if link is None or link.relinked_on is None:
            raise _refused(NOT_RECORDED)
        kind = LinkKind(link.kind)
        covered = first_day_covered(kind, step.relinked_on, step.asked_from) if step.relinked_on else None
        before = {"relinked_on": str(link.relinked_on), "first_covered_on": str(link.first_covered_on)}
        link.relinked_on, link.first_covered_on = step.relinked_on, covered
        await transaction.session.flush()
        await self._links.correct(transaction, pair.linked_token, kind, link.service, covered)
        coverage = covered and Coverage(last_imported_on=link.last_imported_on, first_covered_on=covered)
        transaction.audit(
            RELINK_CORRECTED if coverage else f"再連携{RETRACTED}",
            by=step.by,
            reason=step.reason,
            rule="Y21",
            event_id=step.event_id,
            link=step.link,
            kind=kind,
            before=before,
            coverage=coverage and coverage.model_dump(mode="json"),
        )
        return CorrectedRelink(number=step.link, kind=kind, coverage=coverage)


async def _remembered(transaction: StepTransaction, number: int) -> RememberedLinkRow | None:
    key = {"application_no": transaction.case_no, "office_no": transaction.part, "number": number}
    return await transaction.session.get(RememberedLinkRow, key, with_for_update=True)


def _refused(reason: str) -> ApplicationError:
    return ApplicationError(reason, type="NotRelinked", non_retryable=True)


_NOT_REMEMBERED = "このサービスは、以前の連携にありません。"
