"""The correction of a pair as a page takes it: what is typed as on the form, and what it changes."""

from collections.abc import Mapping
from typing import Self
from uuid import UUID

from pydantic import ValidationError

from models.customer_events import PairCorrected
from models.identifiers import ApplicationNo, OfficeToken, YayoiId
from models.message import Message
from models.refusals import FieldError, RefusedError, in_japanese
from models.tables import ApplicationOfficeRow

LABELS = {
    "yayoi_id": "弥生ID（メールアドレス）",
    "yayoi_id_confirmation": "弥生ID（確認のためもう一度）",
    "office_token": "事業所トークン",
}
NOTHING = "弥生ID か事業所トークンの、訂正するほうを入力してください。"
THE_SAME = "お申し込みの内容と同じです。正しい内容を入力してください。"
AGAIN = "弥生ID と一致しません。もう一度入力してください。"


class Correction(Message):
    """What is to be changed; what stays is None. It is never what the pair holds already."""

    yayoi_id: YayoiId | None = None
    yayoi_id_confirmation: YayoiId | None = None
    office_token: OfficeToken | None = None

    @classmethod
    def of(cls, typed: Mapping[str, str], pair: ApplicationOfficeRow) -> Self:
        """Return what was typed (Y4, Y7, Y8). Raises `RefusedError` with one message per field."""
        try:
            read = cls.model_validate({name: text for name in LABELS if (text := typed.get(name, "")).strip()})
        except ValidationError as invalid:
            raise RefusedError(in_japanese(invalid.errors())) from None
        if read.yayoi_id != read.yayoi_id_confirmation:
            raise RefusedError([FieldError(field="yayoi_id_confirmation", message=AGAIN)])
        if read.yayoi_id is None and read.office_token is None:
            raise RefusedError([FieldError(field="yayoi_id", message=NOTHING)])
        changed = cls(
            yayoi_id=read.yayoi_id if read.yayoi_id != pair.yayoi_id else None,
            office_token=read.office_token if read.office_token != pair.office_token else None,
        )
        if changed.yayoi_id is None and changed.office_token is None:
            field = "office_token" if read.office_token else "yayoi_id"
            raise RefusedError([FieldError(field=field, message=THE_SAME)])
        return changed

    def event(self, event_id: UUID, application_no: ApplicationNo, office_no: int) -> PairCorrected:
        return PairCorrected(
            event_id=event_id,
            application_no=application_no,
            office_no=office_no,
            yayoi_id=self.yayoi_id,
            office_token=self.office_token,
        )
