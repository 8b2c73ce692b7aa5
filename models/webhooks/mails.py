"""How the mail about a webhook that could not be delivered is titled."""

WEBHOOK_TROUBLE_SUBJECT = "〔担当者〕通知（Webhook）を届けられませんでした"
