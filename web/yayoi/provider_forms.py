"""Where a form provider sends what its forms took: `POST /webhooks/forms`, signed as Standard Webhooks are."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.store.intake import OtherContentError
from models.yayoi.store.provider_forms import ProviderForms
from web.common.auth import SharedLimit, client_address
from web.common.context import Context, given
from web.common.http_methods import check_content_type
from web.common.problems import ProblemError, answers
from web.webhooks.signatures import LATE_MINUTES, ForgedError, FormSignatures
from web.yayoi.api import TOO_OFTEN, ApplicationReceived, received, too_many

NOT_SET_UP = (
    "フォームの受け付けは、まだ設定されていません。"
    "管理者は TETSUZUKI_FORM_WEBHOOK_SECRETS に、フォームの提供元が署名に使う秘密鍵を設定してください。"
)
OTHER_CONTENT = "同じ番号の申し込みを、別の内容ですでに受け付けています。届いた内容は保存しました。担当者が確認します。"

_HEADERS = {
    "webhook-id": "提供元が付ける番号。同じ番号の再送には同じ答えを返す",
    "webhook-timestamp": f"送信の時刻（1970 年からの秒）。{LATE_MINUTES} 分以内だけ受け付ける",
    "webhook-signature": "`v1,` と、`番号.時刻.本文` の HMAC-SHA256（base64）。空白区切りで複数あってよい",
}
_BODY: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ],
    "requestBody": {
        "required": True,
        "description": "提供元の項目。対応表がなければ `POST /api/applications` と同じ項目（`submission_id` は任意）",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}


router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post(
    "/forms",
    status_code=HTTPStatus.ACCEPTED,
    summary="フォームの提供元からの申込（Standard Webhooks）",
    openapi_extra=_BODY,
    responses={
        200: {"model": ApplicationReceived, "description": "同じ申込の再送。最初と同じ答え"},
        202: {"description": "受け付けた。手続きは自動で始まる"},
        **answers(
            _401="署名が一致しない、ヘッダーがない、または時刻が離れている",
            _404="秘密鍵が設定されていないため、フォームを受け付けていない",
            _409="同じ番号で別の内容が送られた。内容は保存した",
            _413="本文が大きすぎる",
            _422="申込の規則に合わない。提供元の項目ごとに理由が付く。内容は保存し、担当者が確認する",
            _429=TOO_OFTEN,
            _503="記録先に届かない。再送すれば二重に受け付けることはない",
        ),
    },
)
async def take(
    request: Request,
    response: Response,
    context: Context,
    forms: Annotated[ProviderForms, Depends(given(ProviderForms))],
    signatures: Annotated[FormSignatures, Depends(given(FormSignatures))],
) -> ApplicationReceived:
    if not signatures.expected:
        raise ProblemError(HTTPStatus.NOT_FOUND, NOT_SET_UP)
    check_content_type(request)
    body = await request.body()
    try:
        webhook_id = signatures.check(request.headers, body)
    except ForgedError as forged:
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
        raise ProblemError(HTTPStatus.UNAUTHORIZED, str(forged)) from None
    try:
        receipt = await forms.take(webhook_id, body.decode())
    except OtherContentError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_CONTENT) from None
    except TooManyUnconfirmedError as refused:
        raise too_many(refused) from None
    return received(context, receipt, response)
