"""Who sent a form: the signature of Standard Webhooks, by any of the secrets that count now."""

import re
from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError

_ID = re.compile(r"[!-~]{1,256}")
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=")
LATE_MINUTES = 5
"""How far the time of a webhook may be from now, early or late: the library's own number."""


class ForgedError(Exception):
    """Not signed with a secret of ours, or not now; the text says which, in Japanese."""


class FormSignatures:
    """Checks signatures. Several secrets: the provider changes its own at any moment during a rotation."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]

    @property
    def expected(self) -> bool:
        """Whether any secret is set."""
        return bool(self._webhooks)

    def check(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the webhook's id. Raises `ForgedError`; more than `LATE_MINUTES` early or late is forged too."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        given = {name: headers.get(name, "").strip() for name in names}
        if missing := [name for name in names if not given[name]]:
            raise ForgedError(f"ヘッダー {'、'.join(missing)} がありません。")
        if not _ID.fullmatch(given["webhook-id"]):
            raise ForgedError("webhook-id は 256 文字以内の半角英数字と記号（空白を除く）で送信してください。")
        # Other versions, and what is no signature at all, may come beside ours: the library fails on them.
        signatures = [each for each in given["webhook-signature"].split() if _SIGNATURE.fullmatch(each)]
        reason = "signature"
        for webhook in self._webhooks:
            try:
                webhook.verify(body, {**given, "webhook-signature": " ".join(signatures)}, json_parse=False)
            except WebhookVerificationError as error:
                reason = str(error)
            except ValueError:  # not UTF-8: nothing that was ever signed
                break
            else:
                return given["webhook-id"]
        if "timestamp" in reason.lower() or reason == "Invalid Signature Headers":
            raise ForgedError(f"webhook-timestamp が現在の時刻から {LATE_MINUTES} 分以上離れているか、読み取れません。")
        raise ForgedError("署名が一致しません。秘密鍵と、署名した本文がそのまま送られていることを確認してください。")
