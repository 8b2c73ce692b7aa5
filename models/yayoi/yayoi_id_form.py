"""The form on which a Yayoi ID is registered (STEP2): what is typed, what is refused and why (Y26)."""

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from models.common.names import FullWidthName
from models.yayoi.identifiers import YayoiId
from models.yayoi.passwords import YAYOI_ID_PASSWORD

NOT_THE_SAME_ADDRESS = "メールアドレスと一致しません。もう一度入力してください。"
NOT_THE_SAME_PASSWORD = "パスワードと一致しません。もう一度入力してください。"  # noqa: S105 a message


class NewPassword(BaseModel):
    """A password of a Yayoi ID, typed twice."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    password: str
    password_confirmation: str

    @field_validator("password")
    @classmethod
    def _keeps_the_rule(cls, password: str) -> str:
        if refusal := YAYOI_ID_PASSWORD.refusal(password):
            raise PydanticCustomError("refused", "{refusal}", {"refusal": refusal})
        return password

    @field_validator("password_confirmation")
    @classmethod
    def _agrees(cls, again: str, info: ValidationInfo) -> str:
        """One that is refused itself is not compared; that it is not typed at all is said at once."""
        if not again:
            raise PydanticCustomError("refused", "入力してください。")
        if info.data.get("password", again) != again:
            raise PydanticCustomError("refused", NOT_THE_SAME_PASSWORD)
        return again


class RegistrationForm(NewPassword):
    """The form as it was sent."""

    family_name: FullWidthName
    given_name: FullWidthName
    yayoi_id: YayoiId
    yayoi_id_confirmation: YayoiId
    terms: bool
    news: bool = False

    @field_validator("yayoi_id_confirmation")
    @classmethod
    def _is_the_address(cls, again: YayoiId, info: ValidationInfo) -> YayoiId:
        if info.data.get("yayoi_id", again) != again:
            raise PydanticCustomError("refused", NOT_THE_SAME_ADDRESS)
        return again

    @field_validator("terms")
    @classmethod
    def _are_accepted(cls, terms: bool) -> bool:
        if not terms:
            raise PydanticCustomError("refused", "利用規約とプライバシーポリシーをお読みのうえ、同意してください。")
        return terms
