"""The wrong-group guard: before evidence is stored, whether this ID may store it for this office (Y23)."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.message import FromOutside
from models.tables import BusinessGroupRow, GroupMemberRow, OfficeRow
from models.yayoi.evidence_guard import UNKNOWN_OFFICE, refuse_evidence
from models.yayoi.identifiers import OfficeToken, YayoiId
from models.yayoi.store.pair_status import group_of
from web.common.auth import Auth, Limit, client_address
from web.common.page_form import PageForm, sent_values
from web.common.problems import ProblemError, answers
from web.yayoi.customer.parts import Parts

LABELS = {"office_token": "事業所トークン"}


class EvidenceQuestion(FromOutside):
    """Who is logged in, and for which office evidence is about to be stored."""

    yayoi_id: YayoiId = Field(description="ログイン中の弥生ID", examples=["office-b@example.co.jp"])
    office_token: OfficeToken = Field(
        description="証憑を保存しようとしている事業所データの事業所トークン",
        examples=["b0000002-0000-4000-8000-000000000002"],
    )


class EvidenceAllowed(BaseModel):
    """The evidence belongs into the group that the ID is a member of."""

    allowed: bool = True
    office_name: str = Field(description="事業所データの名前", examples=["B 商店"])
    group_name: str = Field(description="保存先の事業グループの名前", examples=["事業グループB"])


async def check_evidence(session: AsyncSession, question: EvidenceQuestion) -> EvidenceAllowed:
    """Return what may be stored. Raises `ProblemError`: 404 for an unknown office, 409 with the reason of a refusal."""
    office = await session.get(OfficeRow, question.office_token)
    if office is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, UNKNOWN_OFFICE)
    member = await session.scalar(GroupMemberRow.of(question.yayoi_id))
    if refusal := refuse_evidence(member.group_id if member else None, office.group_id):
        raise ProblemError(HTTPStatus.CONFLICT, refusal)
    group = await session.get_one(BusinessGroupRow, office.group_id)
    return EvidenceAllowed(office_name=office.name, group_name=group.name)


def evidence_api(sessions: async_sessionmaker[AsyncSession], auth: Auth) -> APIRouter:
    """For the system that stores evidence.

    What protects it: an office token cannot be guessed, and whoever has one learns only whether this ID belongs to that
    office's group. An ID of another group, of none and one that does not exist are told alike.
    """
    router = APIRouter(prefix="/api", tags=["evidence"])

    @router.post(
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
    async def check(question: EvidenceQuestion, request: Request) -> EvidenceAllowed:
        try:
            async with sessions() as session:
                return await check_evidence(session, question)
        except ProblemError:
            await auth.limit(Limit.REFUSED_FROM, client_address(request))
            raise

    return router


def evidence_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    async def show(request: Request, form: PageForm, allowed: EvidenceAllowed | None = None) -> Response:
        visitor = await parts.auth.require(request)
        async with parts.sessions() as session:
            group_name = await group_of(session, visitor.yayoi_id)
        facts = {"visitor": visitor, "group_name": group_name, "page": form, "allowed": allowed}
        return parts.show(request, "yayoi/evidence.html", facts)

    @router.get("/evidence")
    async def form(request: Request) -> Response:
        return await show(request, PageForm(LABELS))

    @router.post("/evidence")
    async def check(request: Request) -> Response:
        visitor = await parts.auth.require(request)
        form = PageForm(LABELS, sent_values(await request.form(), *LABELS))
        try:
            token = OfficeToken(form.value("office_token"))
            async with parts.sessions() as session:
                question = EvidenceQuestion(yayoi_id=visitor.yayoi_id, office_token=token)
                allowed = await check_evidence(session, question)
        except (ValueError, ProblemError) as refused:
            typed = form.value("office_token").strip()
            return await show(request, form.refused({"office_token": str(refused) if typed else "入力してください。"}))
        return await show(request, form, allowed)

    return router
