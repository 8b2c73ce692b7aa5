"""Names that others rely on: whoever changes one changes it here, too, and says so in the changelog."""

from temporalio import workflow

from workers.wiring.eraser import ERASING_WORKFLOWS
from workers.wiring.root import WORKFLOWS
from workflows.common.search_attributes import ALL

FAILING, RETURNED, LOST = "activity_failing", "mail_returned", "operations_lost"
CASE_NOW = "case_now"
REGISTRATION = (
    (FAILING, LOST, RETURNED, "registration_changed", "withdrawn_with_client"),
    (CASE_NOW, "progress", "timeline"),
    ("add_note", "correct_address", "extend_deadline", "hand_over", "resend", "try_again", "unlock", "withdraw"),
)
OFFICE = (
    *(
        "add_note",
        "approve",
        "ask_cancel",
        "cancel",
        "correct_names",
        "correct_pair",
        "correct_relink",
        "decline",
        "extend_deadline",
        "hand_over",
        "hold",
        "reject",
    ),
    *("release_sharing", "renew_link", "reopen", "report_confirmed", "report_not_confirmed", "report_relink"),
    *("report_set_up_step", "report_sharing_released", "resend_mail", "resume", "retract_relink"),
    *("retract_request", "retract_set_up_step", "try_again", "withdraw"),
)
NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "AddressChange": REGISTRATION,
    "BounceReading": ((FAILING,), (), ()),
    "CaseLinkMail": ((FAILING,), (), ()),
    "ClientBatch": ((FAILING, LOST, "row_changed"), (CASE_NOW, "progress"), ("resume", "stop", "try_again")),
    "ClientRegistration": ((*REGISTRATION[0], "user_ended"), *REGISTRATION[1:]),
    "DailyReconciliation": ((FAILING,), (), ()),
    "DraftMail": ((FAILING, "row_changed"), (), ()),
    "EnquiryForwarding": ((FAILING, "row_changed"), (), ()),
    "MemberInvitation": ((FAILING, RETURNED, "row_changed"), (), ()),
    "MorningDigest": ((FAILING,), (), ()),
    "MultiOfficeApplication": (
        (FAILING, LOST, RETURNED, "closed", "holder_answered"),
        (CASE_NOW, "progress"),
        ("cancel",),
    ),
    "OfficeDataProcedure": (
        (FAILING, LOST, RETURNED, "application_cancelled", "holder_answered"),
        (CASE_NOW, "progress", "timeline"),
        OFFICE,
    ),
    "PasswordRenewal": REGISTRATION,
    "PasswordSetting": ((FAILING, LOST, RETURNED, "row_changed"), (CASE_NOW,), ("end_check",)),
    "PersonErasure": ((), (), ()),
    "PersonLookUp": ((), (), ()),
    "RefusedForm": ((FAILING,), (), ()),
    "EndedOfficeRecord": ((FAILING,), (), ()),
    "RepresentativeRegistration": REGISTRATION,
    "Retention": ((FAILING,), (), ()),
    "UserInvitation": REGISTRATION,
    "WebhookDelivery": ((FAILING, LOST), (CASE_NOW,), ("resend",)),
    "YayoiIdRegistration": ((FAILING, LOST, RETURNED, "row_changed"), (CASE_NOW,), ("end_check",)),
}
"""Of each workflow type: its signals, its queries and its updates."""


def test_types_signals_queries_and_updates_keep_their_names() -> None:
    definitions = [workflow._Definition.must_from_class(each) for each in (*WORKFLOWS, *ERASING_WORKFLOWS)]
    found = {
        str(each.name): tuple(
            tuple(sorted(str(name) for name in names)) for names in (each.signals, each.queries, each.updates)
        )
        for each in definitions
    }
    assert found == {name: tuple(tuple(sorted(names)) for names in of_kind) for name, of_kind in NAMES.items()}


def test_search_attributes_keep_their_names() -> None:
    assert [key.name for key in ALL] == [
        *("ApplicationNo", "Stage", "WaitingFor", "Assignee", "Procedure", "ExistingContractId", "DueDate"),
        *("Overdue", "OnHold", "Failing"),
    ]
