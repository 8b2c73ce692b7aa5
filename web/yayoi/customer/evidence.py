"""Before evidence is stored: whether this ID may store it for this office (Y23)."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.common.api_keys import Scope
from models.yayoi.evidence_guard import EvidenceAllowed, EvidenceQuestion, EvidenceRefusedError, UnknownOfficeError
from models.yayoi.identifiers import OfficeToken, YayoiId
from models.yayoi.store.evidence import check_evidence, own_group
from web.common.auth import SharedLimit, client_address, page_router
from web.common.auth.api_keys import needs
from web.common.context import Context
from web.common.http_methods import JsonRoute
from web.common.page_form import sent_values
from web.common.problems import ProblemError, answers
from web.common.sent_forms import FormRefusedError, Forms, Kept
from web.yayoi.accounts.signed_in import SignedIn

LABELS = {"office_token": "事業所トークン"}
api = APIRouter(prefix="/api", tags=["evidence"], route_class=JsonRoute)
router = page_router()


@api.post(
    "/evidence/check",
    summary="証憑を保存する前の、事業グループの確認",
    description="ログイン中の弥生ID が、事業所データの証憑を保存する事業グループに参加しているかを答える。"
    "保存した証憑は完全には削除できないため、200 のときだけ保存する。",
    responses=answers(
        _404="事業所トークンが登録されていない",
        _409="保存してはいけない。理由は detail に日本語で入る",
        _413="本文が大きすぎる",
        _422="入力内容に誤りがある",
        _429="拒否が続いたため、しばらく答えない。保存せずに、待ってからもう一度確認する",
        _503="記録先に届かない。保存せずに、しばらくしてからもう一度確認する",
    ),
)
@needs(Scope.ASK)
async def check(question: EvidenceQuestion, request: Request, context: Context) -> EvidenceAllowed:
    """Answer the system that stores evidence.

    An office token cannot be guessed, and whoever has one learns only whether this ID belongs to that office's group:
    an ID of another group, of none and one that does not exist get the same answer.
    """
    try:
        return await check_evidence(context.sessions, question)
    except EvidenceRefusedError as refused:
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
        status = HTTPStatus.NOT_FOUND if isinstance(refused, UnknownOfficeError) else HTTPStatus.CONFLICT
        raise ProblemError(status, str(refused)) from None


@router.get("/evidence")
async def form(request: Request, context: Context, who: SignedIn, kept: Kept) -> Response:
    page, allowed = kept.page(LABELS), None
    if kept.leads_on:
        try:
            allowed = await check_evidence(context.sessions, _question(who, page.values))
        except (ValueError, EvidenceRefusedError) as refused:  # typed before signing in, or true no longer
            page = page.refused({"office_token": str(refused)})
    facts = {"visitor": who, "group_name": await own_group(context.sessions, who), "page": page, "allowed": allowed}
    return context.show(request, "yayoi/evidence.html", facts)


@router.post("/evidence")
async def check_on_page(request: Request, context: Context, who: SignedIn, forms: Forms) -> Response:
    typed = sent_values(await request.form(), *LABELS)
    try:
        await check_evidence(context.sessions, _question(who, typed))
    except (ValueError, EvidenceRefusedError) as refused:
        message = str(refused) if typed["office_token"].strip() else "入力してください。"
        raise FormRefusedError({"office_token": message}) from None
    return await forms.keep(request)


def _question(who: YayoiId, typed: Mapping[str, str]) -> EvidenceQuestion:
    return EvidenceQuestion(yayoi_id=who, office_token=OfficeToken(typed.get("office_token", "")))
