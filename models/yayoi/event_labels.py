"""What an event tells, in the words of operators."""

from models.yayoi.customer_events import CUSTOMER_PAGES

_LABELS = {
    "sharing_released": "会計事務所との共有の解除",
    "support_password_set": "STEP5 サポートサイトのパスワードの設定",
    "business_group_created": "STEP6 事業グループの新規作成",
    "product_registered": "STEP6 製品の登録",
    "owned_product_registered": "STEP6 保有製品の登録",
    "service_relinked": "サービスの再連携",
    "pair_corrected": "弥生ID・事業所トークンの訂正",
    "sharing_release_claimed": "共有を解除したという申し出",
    "sharing_release_consented": "共有の解除を弥生に任せる同意",
    "withdrawn": "申し込みの取り下げ",
}
"""Every kind of `models.customer_events.AnyEvent`."""


def event_label(kind: str) -> str:
    """Return what an event of this kind tells."""
    return _LABELS[kind]


def source_label(source: str) -> str:
    """Return who sent it: another system by its name, or the customer."""
    return "お客様の画面" if source == CUSTOMER_PAGES else f"システム {source}"
