"""Pages on the pair of whoever is signed in: STEP5, STEP6 and re-links (Y20, Y21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from models.yayoi.procedures import SetUpStep
from models.yayoi.store.pair_status import PairStatus, status_of
from web.common.context import Context
from web.yayoi.accounts.signed_in import SignedIn

STEP_PATHS = {
    SetUpStep.SUPPORT_PASSWORD: "/support-password",
    SetUpStep.BUSINESS_GROUP: "/group",
    SetUpStep.PRODUCT: "/products/register",
    SetUpStep.OWNED_PRODUCT: "/products/owned",
}
NO_CASE = "この弥生ID 宛てのお申し込みが見つかりません。お知らせメールが届いた弥生ID でログインし直してください。"


async def _own_pair(who: SignedIn, context: Context) -> PairStatus | None:
    return await status_of(context.sessions, who)


async def _own_links(who: SignedIn, context: Context) -> PairStatus | None:
    return await status_of(context.sessions, who, links=True)


@dataclass(frozen=True)
class PairPage:
    """A page to show: who is signed in, and the pair that the page is about; None if that ID has no pair."""

    request: Request
    context: Context
    who: SignedIn
    pair: Annotated[PairStatus | None, Depends(_own_pair)]

    def show(self, template: str, facts: Mapping[str, Any], status: HTTPStatus | None = None) -> Response:
        own = {"visitor": self.who, "pair": self.pair, "paths": STEP_PATHS}
        return self.context.show(self.request, template, own | dict(facts), status)

    def refusal(self, step: SetUpStep) -> str | None:
        """Return why the step cannot be done now."""
        return self.pair.refuse(step) if self.pair else NO_CASE

    def refuse(self, title: str, reason: str) -> Response:
        """Say why a step cannot be done now, and which one can."""
        return self.show("yayoi/step_refused.html", {"title": title, "reason": reason}, HTTPStatus.CONFLICT)


@dataclass(frozen=True)
class LinksPage(PairPage):
    """The same, of the pair whose links are to be made again: 会計連携の追加, while the one before it is open (Y9)."""

    pair: Annotated[PairStatus | None, Depends(_own_links)]


OwnPair = Annotated[PairPage, Depends(PairPage)]
OwnLinks = Annotated[PairPage, Depends(LinksPage)]
