"""The data map of MYICS, other systems, forms that were sent, and operators."""

from collections.abc import Mapping

from models.backoffice.data_map import AUDIT, DAY, FOR_EVER, SOON, YEAR, Ending, Json, TableMap, Whose

_FILE_CLOSED_AT = "(select b.closed_at from myics_batches b where b.batch_no = myics_batch_lines.batch_no)"
_BULK_CHOSEN_AT = "(select b.chosen_at from bulk_actions b where b.bulk_id = bulk_lines.bulk_id)"

_KEPT_FORMS = TableMap(
    why="what was typed is shown again",
    kept="1 hour",
    numbers="form_id status ends_at",
    persons={
        "browser": Whose.CASE,
        "values": Json(Whose.CASE, any_key=True),
        "errors": Json(Whose.CASE, any_key=True),
        "path": Whose.CASE,
    },
    ends=Ending(SOON, "ends_at"),
)
_FORM_PRESSES = TableMap(
    why="a double press counts once",
    kept="some seconds",
    numbers="pressed_at",
    persons={"key": Whose.CASE, "location": Whose.CASE},
    ends=Ending(SOON, "pressed_at"),
)
"""Of each web application."""

HOUSE: Mapping[str, TableMap] = {
    "myics_firms": TableMap(
        why="firms (M1)",
        kept="as long as the firm uses MYICS",
        numbers="customer_no created_at",
        persons={"name": Whose.FIRM},
    ),
    "myics_clients": TableMap(
        why="clients (M7)",
        kept="as long as the firm uses MYICS",
        numbers="client_id customer_no created_at",
        persons={"name": Whose.FIRM, "name_to_find": Whose.FIRM},
    ),
    "myics_accounts": TableMap(
        why="accounts (M4, M8)",
        kept="1 year after it has ended; numbers and dates stay",
        numbers="account_id holder_no customer_no client_id registration_no kind state registered_at ended_at",
        persons={"address": Whose.REGISTRANT, "name": Whose.REGISTRANT, "password_hash": Whose.REGISTRANT},
        ends=Ending(YEAR, "ended_at", blank={"address": "''", "name": "''", "password_hash": "null"}),
    ),
    "myics_sessions": TableMap(
        why="who is signed in",
        kept="as long as it is used",
        numbers="account_id created_at seen_at",
        persons={"token_hash": Whose.REGISTRANT, "browser": Whose.REGISTRANT},
        ends=Ending(30 * DAY, "seen_at"),
    ),
    "myics_registrations": TableMap(
        why="registrations (M1 to M8)",
        kept="1 year after it has closed; numbers, dates and outcome stay",
        numbers=(
            "registration_no kind customer_no client_id account_id part_of batch_no requested_at stage "
            "link_no expires_on account_link_no corrections terms_at wrong_keywords locked_at closed_at "
            "outcome changed_at notified_at"
        ),
        persons={
            "address": Whose.REGISTRANT,
            "address_before": Whose.REGISTRANT,
            "name": Whose.REGISTRANT,
            "requested_by": Whose.REGISTRANT,
            "keyword_hash": Whose.REGISTRANT,
            "text_for_customer": Whose.REGISTRANT,
        },
        ends=Ending(
            YEAR,
            "closed_at",
            blank={
                "address": "null",
                "address_before": "null",
                "name": "''",
                "requested_by": "''",
                "keyword_hash": "null",
                "text_for_customer": "''",
            },
        ),
    ),
    "myics_batches": TableMap(
        why="files of many (M8)",
        kept="90 days after it was processed; numbers stay",
        numbers="batch_no submission_id kind customer_no rows requested_at stopped closed_at changed_at notified_at",
        persons={"requested_by": Whose.REGISTRANT},
        ends=Ending(90 * DAY, "closed_at", blank={"requested_by": "''"}),
    ),
    "myics_batch_lines": TableMap(
        why="rows of such a file",
        kept="90 days after the file was processed",
        numbers="batch_no position line done_at",
        persons={"values": Json(Whose.REGISTRANT, any_key=True), "refused_because": Whose.REGISTRANT},
        ends=Ending(90 * DAY, _FILE_CLOSED_AT),
    ),
    "refused_forms": TableMap(
        why="a provider's forms that broke our rules",
        kept="what it says until an operator has settled it; the rest 1 year longer",
        numbers="form_no webhook_id received_at started_at asked_at settled_at application_no",
        persons={
            "body": Whose.APPLICANT,
            "corrections": Json(Whose.APPLICANT, any_key=True),
            "errors": Json(Whose.APPLICANT, any_key=True),
            "reason": Whose.APPLICANT,
            "settled_by": Whose.OPERATOR,
        },
        ends=Ending(YEAR, "settled_at"),
    ),
    "webhook_messages": TableMap(
        why="stage changes for other systems",
        kept="90 days after it was delivered or given up",
        numbers=(
            "message_id subscriber_id application_no kind stored_at started_at stage attempts last_error settled_at"
        ),
        persons={"payload": Json(Whose.NOBODY, any_key=True)},
        ends=Ending(90 * DAY, "settled_at"),
    ),
    "webhook_subscribers": TableMap(
        why="other systems",
        kept=FOR_EVER,
        numbers="subscriber_id url active stopped_because added_at",
        persons={"secrets": Json(Whose.NOBODY), "kinds": Json(Whose.NOBODY)},
    ),
    "kept_forms": _KEPT_FORMS,
    "form_presses": _FORM_PRESSES,
    "desk_kept_forms": _KEPT_FORMS,
    "desk_form_presses": _FORM_PRESSES,
    "rate_counts": TableMap(
        why="limits on trying; keys are hashes",
        kept="as long as its window",
        numbers="window_start ends_at count",
        persons={"key": Whose.CASE},
        ends=Ending(SOON, "ends_at"),
    ),
    "operators": TableMap(
        why="who works on cases",
        kept="1 year after they were removed; the handle stays, by which records name them",
        numbers="operator_id takes_cases capacity removed_at",
        persons={
            "handle": Whose.OPERATOR,
            "name": Whose.OPERATOR,
            "mail_address": Whose.OPERATOR,
            "roles": Json(Whose.OPERATOR),
            "leave_from": Whose.OPERATOR,
            "leave_until": Whose.OPERATOR,
        },
        ends=Ending(
            YEAR,
            "removed_at",
            blank={"name": "handle", "mail_address": "''", "leave_from": "null", "leave_until": "null"},
        ),
    ),
    "operator_identities": TableMap(
        why="how they log in",
        kept="until it is taken away, or the operator removed",
        numbers="operator_id added_at",
        persons={"issuer": Whose.OPERATOR, "subject": Whose.OPERATOR},
    ),
    "operator_sessions": TableMap(
        why="who is logged in",
        kept="12 hours at most",
        numbers="session_id operator_id created_at seen_at",
        persons={
            "authority": Whose.OPERATOR,
            "subject": Whose.OPERATOR,
            "provider_session": Whose.OPERATOR,
            "id_token": Whose.OPERATOR,
            "browser": Whose.OPERATOR,
            "token_hash": Whose.OPERATOR,
        },
        ends=Ending(SOON, "seen_at"),
    ),
    "operator_sign_in_links": TableMap(
        why="log-in without a provider",
        kept="as long as one run of the embedded stack",
        numbers="operator_id run made_at used_at",
        persons={"token_hash": Whose.OPERATOR},
        ends=Ending(SOON, "made_at"),
    ),
    "logout_tokens": TableMap(
        why="a log-out is taken once",
        kept="until it would have ended",
        numbers="ends_at",
        persons={"token_hash": Whose.OPERATOR},
        ends=Ending(SOON, "ends_at"),
    ),
    "operator_audit": TableMap(
        why="what became of operators",
        kept="7 years",
        numbers="audit_id happened_at action",
        persons={"operator": Whose.OPERATOR, "by": Whose.OPERATOR, "facts": Json(Whose.OPERATOR, any_key=True)},
        ends=Ending(AUDIT, "happened_at"),
    ),
    "saved_filters": TableMap(
        why="lists that an operator looks at again and again",
        kept="until the operator deletes it",
        numbers="filter_id operator_id",
        persons={"name": Whose.OPERATOR, "conditions": Json(Whose.OPERATOR, any_key=True)},
    ),
    "case_presence": TableMap(
        why="who has a case open",
        kept="half a minute",
        numbers="case_no operator_id seen_at",
        ends=Ending(SOON, "seen_at"),
    ),
    "bulk_lines": TableMap(
        why="what is done with many cases at once, case by case",
        kept="90 days",
        numbers=(
            "bulk_id case_no part workflow_id asked_at judged_at operation first_run update_id entry tries answered_at"
        ),
        persons={
            "message": Json(Whose.CASE, any_key=True),
            "refused_because": Whose.CASE,
            "answer": Whose.CASE,
        },
        ends=Ending(90 * DAY, _BULK_CHOSEN_AT),
    ),
    "bulk_actions": TableMap(
        why="what is done with many cases at once",
        kept="90 days",
        numbers="bulk_id operator_id chosen_at kind confirmed_at",
        persons={
            "handle": Whose.OPERATOR,
            "roles": Json(Whose.OPERATOR),
            "content": Json(Whose.CASE, any_key=True),
        },
        ends=Ending(90 * DAY, "chosen_at"),
    ),
    "erasure_requests": TableMap(
        why="who is to be erased is asked for by one and approved by another",
        kept="whom it is about until it is answered and done; the rest for ever",
        numbers="request_id asked_by asked_at answered_by approved_at declined_at done_at",
        persons={
            "whom": Json(Whose.CASE),
            "found": Json(Whose.CASE, any_key=True),
            "report": Json(Whose.NOBODY, any_key=True),
        },
    ),
    "case_keys": TableMap(
        why="what Temporal keeps of a case is encrypted with its key",
        kept=(
            "for ever; the key itself until one of the case's persons is erased, what it is about was deleted, or the "
            "case was closed 3 years ago"
        ),
        numbers="owner master_key_id wrapped made_at erased_at",
    ),
    "replay_checks": TableMap(
        why="which builds have passed the replay check",
        kept=FOR_EVER,
        numbers="build_id code passed_at",
    ),
    "untaken_cases": TableMap(
        why="cases that a build does not take",
        kept=FOR_EVER,
        numbers="workflow_id build_id found_at",
    ),
    "public_keys": TableMap(
        why="what was signed verifies for ever",
        kept=FOR_EVER,
        numbers="key_id purpose value state published_at retired_at revoked_at",
    ),
    "store_mark": TableMap(
        why="a store that was exchanged or rolled back is seen",
        kept=FOR_EVER,
        numbers="row_no epoch token mark marked_at restored_at",
    ),
    "restored_cases": TableMap(
        why="what the last restore has found and done about each case",
        kept="until the next restore",
        numbers="workflow_id case_no part verdict detail decided_at reported_at",
    ),
    "held_cases": TableMap(
        why="whose mails and webhooks wait since a restore",
        kept="until an operator releases them",
        numbers="case_no held_since",
    ),
}
