"""How the mails to all operators are titled."""

DIGEST_SUBJECT = "〔担当者〕朝のお知らせ"


RECONCILIATION_SUBJECT = "〔担当者〕手続きと登録内容の食い違いが見つかりました"
