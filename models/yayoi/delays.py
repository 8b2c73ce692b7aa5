"""Why an application is late, as its applicant reads it (Y11)."""

from collections.abc import Sequence

from models.yayoi.holder_confirmation import NOT_CONFIRMED
from models.yayoi.procedures import Stage

SHARING_STILL_ON = "会計事務所との共有が解除されていません。"
_NOTICE_UNDELIVERED = "お知らせのメールを、ご登録の弥生ID（メールアドレス）に届けられませんでした。"
_WE_ARE_LATE = "弊社での処理に時間がかかっています。"


def reasons_of_delay(stage: Stage, problems: Sequence[str], *, notice_undelivered: bool) -> tuple[str, ...]:
    """Return what one office waits for. `problems`: what is wrong with its pair."""
    match stage:
        case Stage.CONFIRMATION:
            return (NOT_CONFIRMED,)
        case Stage.CORRECTION:
            return tuple(problems)
        case Stage.SHARING:
            return (SHARING_STILL_ON,)
        case Stage.NOTIFY if notice_undelivered:
            return (_NOTICE_UNDELIVERED,)
        case _:
            return (_WE_ARE_LATE,)
