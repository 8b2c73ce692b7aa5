"""The data map of cases: what was applied for, what was done, and its audit."""

from collections.abc import Mapping

from models.backoffice.data_map import AUDIT, CASE, CLOSED_STAGE, FOR_EVER, Ending, Json, TableMap, Whose

_NO_OPEN_CASE = (
    f"not exists (select from case_status s where s.outcome is null and s.stage <> '{CLOSED_STAGE}'"
    " and (s.case_no = notices.case_no or notices.cases ? s.case_no))"
)
_RECORDED_AT = (
    "(select t.recorded_at from audit_trail t where (t.case_no, t.part, t.sequence)"
    " = (audit_contents.case_no, audit_contents.part, audit_contents.sequence))"
)

CONSENTS = ("stop_smart_import", "sharing_released", "relink_required", "delegate_unsharing")
SIGNED = ("entry", "workflow_id", "first_run", "operation", "update_id")
CONTENT = ("reason", "detail", "facts", "message")

CASES: Mapping[str, TableMap] = {
    "applications": TableMap(
        why="what was applied for",
        kept="3 years after the last part of the case has closed; number, contract, product, dates and consents stay",
        numbers=(
            "application_no submission_id existing_contract_id accounting_link network_product procedure "
            "applied_at due_date alert_on expires_on started_at closed_at link_no"
        ),
        persons={
            "family_name": Whose.APPLICANT,
            "given_name": Whose.APPLICANT,
            "digest": Whose.APPLICANT,
            "consents": Json(Whose.APPLICANT, dict.fromkeys(CONSENTS, Whose.APPLICANT)),
        },
        ends=Ending(
            CASE, "closed_at", of_case="application_no", blank={"family_name": "''", "given_name": "''", "digest": "''"}
        ),
    ),
    "application_offices": TableMap(
        why="the pairs of an application",
        kept="3 years after the last part of the case has closed; numbers, dates and outcome stay",
        numbers=(
            "application_no office_no issued_contract_id holds_token holds_id closed_at outcome closings "
            "end_mailed_as deadline_mailed deadline_mailed_as link_no"
        ),
        persons={
            "yayoi_id": Whose.YAYOI_ID,
            "office_token": Whose.CUSTOMER,
            "office_name": Whose.CUSTOMER,
            "open_points": Json(Whose.CUSTOMER),
        },
        ends=Ending(
            CASE,
            "closed_at",
            of_case="application_no",
            blank={"yayoi_id": "''", "office_token": "null", "office_name": "''", "open_points": "'[]'"},
        ),
    ),
    "holder_confirmations": TableMap(
        why="who is asked (Y5a)",
        kept=FOR_EVER,
        numbers=(
            "confirmation_id application_no office_no existing_contract_id named_in settled_at settled_as "
            "asked_anew changed_at notified_at"
        ),
    ),
    "holder_mails": TableMap(
        why="at most one mail an hour (Y5a)",
        kept=FOR_EVER,
        numbers="existing_contract_id number planned_at asked_as ended_at",
    ),
    "remembered_links": TableMap(
        why="what is to be linked again (Y14, Y21)",
        kept="3 years after the last part of the case has closed",
        numbers="application_no office_no number kind last_imported_on relinked_on first_covered_on",
        persons={"service": Whose.CUSTOMER},
        ends=Ending(CASE, "closed_at", of_case="application_no"),
    ),
    "set_up_steps": TableMap(
        why="what the customer has done (Y19, Y20)",
        kept=FOR_EVER,
        numbers="application_no office_no step done_at reported_by",
    ),
    "sharing_again": TableMap(
        why="whether sharing was set up again (Y21)",
        kept="3 years after the last part of the case has closed",
        numbers="application_no office_no shared_on answered_at",
        persons={"firm": Whose.CUSTOMER},
        ends=Ending(CASE, "closed_at", of_case="application_no"),
    ),
    "notices": TableMap(
        why="each mail is sent once, and is found when it comes back",
        kept="3 years, and as long as a case of it is open",
        numbers=(
            "key case_no part kind message_id created_at sent_at refused_because "
            "bounced_at bounce_status bounced_because bounce_notified_at"
        ),
        persons={"cases": Json(Whose.NOBODY), "recipient": Whose.READER, "subject": Whose.READER},
        ends=Ending(CASE, "created_at", only=_NO_OPEN_CASE),
    ),
    "events": TableMap(
        why="what was reported is delivered once",
        kept="3 years after the last part of the case has closed",
        numbers="event_id kind sent_by application_no office_no received_at delivered_at refusals unreported_since",
        persons={
            "digest": Whose.CASE,
            "payload": Json(Whose.CASE, any_key=True),
            "salt": Whose.CASE,
            "refused_because": Whose.CASE,
        },
        ends=Ending(CASE, "received_at", of_case="application_no"),
    ),
    "ledger": TableMap(
        why="a step takes effect once",
        kept="3 years after the last part of the case has closed: until then it keeps steps from being repeated",
        numbers="recorded_at",
        persons={"key": Whose.CUSTOMER, "result": Json(Whose.CASE, any_key=True)},
        ends=Ending(CASE, "recorded_at", of_case="split_part(key, ':', 1)"),
    ),
    "case_requests": TableMap(
        why="operations on a whole application",
        kept="3 years after the last part of the case has closed; number, operation and who stay",
        numbers="case_no number key operation by asked_as requested_at",
        persons={"message": Json(Whose.CASE, any_key=True), "commitment": Whose.NOBODY},
        ends=Ending(CASE, "requested_at", of_case="case_requests.case_no", blank={"message": "'{}'"}),
    ),
    "lost_operations": TableMap(
        why="what a Reset has not taken again",
        kept=FOR_EVER,
        numbers="case_no part update_id action by happened_at found_at",
    ),
    "case_stages": TableMap(
        why="when a case was where",
        kept=FOR_EVER,
        numbers="case_no part entered stage entered_at undoing",
    ),
    "case_status": TableMap(
        why="where a case is",
        kept="3 years after the last part of the case has closed; stages, dates and outcome stay",
        numbers=(
            "case_no part version changed_at stage since waiting_for until overdue held failing ending "
            "outcome sequence published_stage published_outcome "
            "workflow_id first_run_id procedure due_on undelivered awaits_approval urgency urgent_on"
        ),
        persons={"assignee": Whose.OPERATOR, "points": Json(Whose.CUSTOMER)},
        ends=Ending(CASE, "changed_at", of_case="case_status.case_no", blank={"assignee": "null", "points": "'[]'"}),
    ),
    "audit_trail": TableMap(
        why="who did what, provably",
        kept=FOR_EVER,
        numbers=(
            "audit_id case_no part sequence happened_at recorded_at action by rule update_id commitment previous hash"
        ),
        persons={"signed": Json(Whose.NOBODY, dict.fromkeys(SIGNED, Whose.NOBODY))},
    ),
    "audit_contents": TableMap(
        why="who did what, and why",
        kept="7 years; the entry itself, which names nobody, stays for ever",
        numbers="case_no part sequence",
        persons={"salt": Whose.CASE, "content": Json(Whose.CASE, dict.fromkeys(CONTENT, Whose.CASE))},
        ends=Ending(AUDIT, _RECORDED_AT),
    ),
}
