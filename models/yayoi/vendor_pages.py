"""The pages of 弥生 that its instructions send customers to: texts name them, settings say where they are."""

from pydantic import Field

from models.common.contact import Contact
from models.common.message import FromOutside, Message
from models.common.web_addresses import WebAddress

REGISTRATION_PAGE = "https://myaccount.yayoi-kk.co.jp/user/input"
"""The vendor's own registration page: terms and privacy policy are at its foot."""


class HelpPages(FromOutside):
    """What the instructions link, each with its title in them as the text of the link."""

    notice_page: WebAddress = Field(
        "https://www.yayoi-kk.co.jp/yss/info/users-20230908-1.html",
        title="『スマート証憑管理』で複数事業所データの管理をご希望のお客さまへのお知らせ",
    )
    link_addition_guide: WebAddress = Field(
        "https://www.yayoi-kk.co.jp/smart/d_file/shohyokanri_operation_guide_01_kaikeitsuika.pdf",
        title="会計連携の追加の手順書（PDF）",
    )
    online_update: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/faq_Subcontents.html?page_id=12026", title="オンラインアップデートの手順"
    )
    licence_manager_update: WebAddress = Field(
        "https://www.yayoi-kk.co.jp/ou/aut/",
        title="弥生ライセンス認証管理やオンラインアップデート機能の更新のご案内",
    )
    product_registration: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/faq_Subcontents.html?page_id=26969", title="製品を登録する（弥生ネットワーク）"
    )
    my_portal: WebAddress = Field(
        "https://myaccount.yayoi-kk.co.jp/login?service_id=mypoweb", title="マイポータル（Web）のログイン画面"
    )
    roles: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/faq_Subcontents.html?page_id=301",
        title="弥生ID の権限（管理者・利用者）の違い",
    )
    licences: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/faq_Subcontents.html?page_id=308", title="ライセンス割り当てを変更したい"
    )
    deleted_evidence: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/subcontents.html?page_id=26957", title="アップロードした証憑を削除する"
    )
    accounting_product: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/subcontents.html?page_id=27621", title="連携する弥生会計製品を設定する"
    )
    entries_of_evidence: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/subcontents.html?page_id=27619", title="証憑ごとに仕訳を連携する"
    )
    evidence_of_entries: WebAddress = Field(
        "https://support.yayoi-kk.co.jp/subcontents.html?page_id=28242", title="登録済の仕訳に証憑を登録する"
    )

    @classmethod
    def title(cls, name: str) -> str:
        """Return what a link to the page is called."""
        return cls.model_fields[name].title or name


class YayoiPages(Message):
    """All that pages and mails of 弥生's procedures name outside of this site."""

    terms: WebAddress = REGISTRATION_PAGE
    """弥生関連サービス基本利用規約 (Y26)."""
    privacy: WebAddress = REGISTRATION_PAGE
    """プライバシーポリシー (Y26)."""
    help: HelpPages = HelpPages()
    contact: Contact = Contact(name="弥生株式会社 カスタマーセンター")
