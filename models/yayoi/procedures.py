"""The procedures (Y9) and the stages of each."""

from enum import StrEnum

OFFICE_WORKFLOW, APPLICATION_WORKFLOW = "OfficeDataProcedure", "MultiOfficeApplication"
"""The types of the workflows that lead a pair, and the application as a whole."""
SET_UP_PAGE, SET_UP_PATH = "「設定の状況」の画面", "/set-up"
"""Where a Yayoi ID finds what is done and what is open for its pair, as texts name it."""


class Stage(StrEnum):
    """The stage of an office's procedure. The values are what operators read and search for."""

    CHECK = "内容確認"
    CONFIRMATION = "契約者の確認待ち"
    CORRECTION = "訂正待ち"
    REMEMBER_LINKS = "連携の記録"
    SHARING = "共有解除待ち"
    ISSUE = "契約IDの発行"
    ATTACH = "会計連携の設定"
    NOTIFY = "完了通知"
    THAW = "凍結の解除"
    SET_UP = "STEP5・6 待ち"
    RELINK = "再連携待ち"
    AFTER_CLOSING = "終了後"
    """Closed with something open, which can still be done (Y25)."""
    CLOSED = "終了"


class ApplicationStage(StrEnum):
    """The stage of an application as a whole."""

    RECEIVED = "受付"
    CONFIRMATION = "契約者の確認待ち"
    IN_PROGRESS = "手続き中"
    CLOSED = "終了"


class SetUpStep(StrEnum):
    """What the customer does after the notice, in this order (Y19, Y20)."""

    SUPPORT_PASSWORD = "support_password"  # noqa: S105 the name of a step
    BUSINESS_GROUP = "business_group"
    PRODUCT = "product"
    OWNED_PRODUCT = "owned_product"

    @property
    def label(self) -> str:
        return {
            SetUpStep.SUPPORT_PASSWORD: "STEP5 サポート・サービスのパスワード設定",
            SetUpStep.BUSINESS_GROUP: "STEP6 事業グループの新規作成",
            SetUpStep.PRODUCT: "STEP6 製品の登録",
            SetUpStep.OWNED_PRODUCT: "STEP6 保有製品の登録",
        }[self]

    @property
    def rule(self) -> str:
        return "Y19" if self is SetUpStep.SUPPORT_PASSWORD else "Y20"


class Procedure(StrEnum):
    """Four procedures by two questions: linked with 弥生会計/やよいの青色申告 or not, network product or not (Y9)."""

    LINKED_NETWORK = "会計連携あり・ネットワーク製品"
    LINKED_STANDALONE = "会計連携あり・ネットワーク製品以外"
    UNLINKED_NETWORK = "会計連携なし・ネットワーク製品"
    UNLINKED_STANDALONE = "会計連携なし・ネットワーク製品以外"
    LINK_ADDITION = "会計連携の追加"

    @classmethod
    def of(cls, *, accounting_link: bool, network_product: bool) -> "Procedure":
        if accounting_link:
            return cls.LINKED_NETWORK if network_product else cls.LINKED_STANDALONE
        return cls.UNLINKED_NETWORK if network_product else cls.UNLINKED_STANDALONE

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in their order."""
        return _STAGES[self]

    def has(self, stage: Stage) -> bool:
        return stage in self.stages

    @property
    def linked(self) -> bool:
        """Whether token, freeze, sharing and re-link apply."""
        return self.has(Stage.REMEMBER_LINKS)

    @property
    def set_up_steps(self) -> tuple[SetUpStep, ...]:
        """STEP5 and STEP6; the product registration takes network products only (Y9)."""
        if not self.has(Stage.SET_UP):
            return ()
        network = self in {Procedure.LINKED_NETWORK, Procedure.UNLINKED_NETWORK}
        return tuple(step for step in SetUpStep if network or step is not SetUpStep.PRODUCT)


_ENTRY = (Stage.CHECK, Stage.CONFIRMATION, Stage.CORRECTION)
_LINKED_BEFORE = (Stage.REMEMBER_LINKS, Stage.SHARING)
_LINKED = (
    *_ENTRY,
    *_LINKED_BEFORE,
    Stage.ISSUE,
    Stage.NOTIFY,
    Stage.THAW,
    Stage.SET_UP,
    Stage.RELINK,
    Stage.AFTER_CLOSING,
    Stage.CLOSED,
)
_UNLINKED = (*_ENTRY, Stage.ISSUE, Stage.NOTIFY, Stage.SET_UP, Stage.AFTER_CLOSING, Stage.CLOSED)
_STAGES = {
    Procedure.LINKED_NETWORK: _LINKED,
    Procedure.LINKED_STANDALONE: _LINKED,
    Procedure.UNLINKED_NETWORK: _UNLINKED,
    Procedure.UNLINKED_STANDALONE: _UNLINKED,
    # The contract ID was issued before: the link is added to it (Y9).
    Procedure.LINK_ADDITION: (
        *_ENTRY,
        *_LINKED_BEFORE,
        Stage.ATTACH,
        Stage.NOTIFY,
        Stage.THAW,
        Stage.RELINK,
        Stage.AFTER_CLOSING,
        Stage.CLOSED,
    ),
}
