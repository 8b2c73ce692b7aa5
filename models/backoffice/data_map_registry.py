"""The data map of the vendor's registry, and of what customers have and do beside their cases."""

from collections.abc import Mapping

from models.backoffice.data_map import CASE, DAY, FOR_EVER, REGISTRY, SOON, YEAR, Ending, Json, TableMap, Whose

_REVOKED_AT = "(select c.revoked_at from issued_contracts c where c.contract_id = support_passwords.contract_id)"

REGISTRY_TABLES: Mapping[str, TableMap] = {
    "existing_contracts": TableMap(
        why="who may apply (Y5a)",
        kept=REGISTRY,
        numbers="contract_id product_name network_product issued_count",
        persons={"customer_name": Whose.HOLDER, "mail_address": Whose.HOLDER},
    ),
    "offices": TableMap(
        why="the registry's offices (Y5, Y12)",
        kept=REGISTRY,
        numbers="existing_contract_id contract_id group_id frozen_by frozen_at",
        persons={"name": Whose.CUSTOMER, "office_token": Whose.CUSTOMER},
    ),
    "service_links": TableMap(
        why="links of smart import (Y14)",
        kept=REGISTRY,
        numbers="link_id kind last_imported_on first_covered_on lost_at lost_for",
        persons={
            "office_token": Whose.CUSTOMER,
            "service": Whose.CUSTOMER,
            "settings": Json(Whose.CUSTOMER, any_key=True),
        },
    ),
    "sharings": TableMap(
        why="sharing with accounting firms (Y13)",
        kept=REGISTRY,
        numbers="sharing_id ended_at ended_for released_by_system",
        persons={"office_token": Whose.CUSTOMER, "firm": Whose.CUSTOMER},
    ),
    "smart_import_runs": TableMap(
        why="imports, done or refused (Y12)",
        kept=REGISTRY,
        numbers="run_id tried_at refused_because",
        persons={"office_token": Whose.CUSTOMER},
    ),
    "issued_contracts": TableMap(
        why="contract IDs are unique for ever (Y15)",
        kept="3 years after it was revoked; while it is in use it is a record of the vendor; the number stays for ever",
        numbers="contract_id existing_contract_id number application_no office_no issued_at revoked_at",
        persons={"registered_name": Whose.CUSTOMER, "yayoi_id": Whose.YAYOI_ID},
        ends=Ending(CASE, "revoked_at", blank={"registered_name": "''", "yayoi_id": "''"}),
    ),
    "support_passwords": TableMap(
        why="the support site (Y19)",
        kept="as long as the contract ID; 3 years after it was revoked",
        numbers="contract_id set_at",
        persons={"password_hash": Whose.YAYOI_ID},
        ends=Ending(CASE, _REVOKED_AT),
    ),
    "contract_id_pool": TableMap(
        why="the next contract ID",
        kept=FOR_EVER,
        numbers="pool next_id promised",
    ),
    "reserved_contract_ids": TableMap(
        why="contract IDs whose owners a restore has lost: nobody else gets them",
        kept=FOR_EVER,
        numbers="first_id last_id",
    ),
    "business_groups": TableMap(
        why="business groups (Y3)",
        kept=REGISTRY,
        numbers="group_id created_at",
        persons={"name": Whose.CUSTOMER},
    ),
    "business_group_details": TableMap(
        why="what the customer said of a group (Y20)",
        kept=REGISTRY,
        numbers="group_id business_form",
        persons={
            "family_name": Whose.CUSTOMER,
            "given_name": Whose.CUSTOMER,
            "family_name_kana": Whose.CUSTOMER,
            "given_name_kana": Whose.CUSTOMER,
            "phone": Whose.CUSTOMER,
        },
    ),
    "business_group_members": TableMap(
        why="who is in which group (Y3)",
        kept=REGISTRY,
        numbers="group_id administrator person_id",
    ),
    "yayoi_ids": TableMap(
        why="log-ins of customers (Y2)",
        kept=REGISTRY,
        numbers="person_id registered_at",
        persons={"yayoi_id": Whose.YAYOI_ID, "family_name": Whose.YAYOI_ID, "given_name": Whose.YAYOI_ID},
    ),
    "credentials": TableMap(
        why="passwords, hashed (Y26)",
        kept="as long as the Yayoi ID",
        numbers="set_at person_id",
        persons={"password_hash": Whose.YAYOI_ID},
    ),
    "yayoi_id_consents": TableMap(
        why="consents (Y26)",
        kept="as long as the Yayoi ID",
        numbers="terms_accepted_at news_by_mail person_id",
    ),
    "web_sessions": TableMap(
        why="who is signed in",
        kept="as long as it is used",
        numbers="person_id created_at seen_at",
        persons={"token_hash": Whose.YAYOI_ID, "browser": Whose.YAYOI_ID},
        ends=Ending(30 * DAY, "seen_at"),
    ),
    "address_checks": TableMap(
        why="mailed codes (Y26)",
        kept="what was not finished is deleted within a day; the rest 1 year after it ended",
        numbers=(
            "check_id purpose news_by_mail begun_at ends_at code_no code_until tries finished_at closed_at "
            "changed_at notified_at"
        ),
        persons={
            "yayoi_id": Whose.YAYOI_ID,
            "family_name": Whose.YAYOI_ID,
            "given_name": Whose.YAYOI_ID,
            "password_hash": Whose.YAYOI_ID,
        },
        ends=Ending(YEAR, "closed_at"),
    ),
    "member_invitations": TableMap(
        why="invitations into a group (Y24)",
        kept="1 year after it ended",
        numbers=(
            "invitation_id group_id inviter_id invited_at link_no expires_at accepted_at withdrawn_at "
            "closed_at outcome changed_at notified_at"
        ),
        persons={"yayoi_id": Whose.INVITED},
        ends=Ending(YEAR, "closed_at"),
    ),
    "drafts": TableMap(
        why="plans and half-filled forms",
        kept="until it is sent or expires",
        numbers="draft_id mail_no mailed_for mailed_from opened_at expires_at changed_at notified_at",
        persons={
            "plan": Json(Whose.APPLICANT, any_key=True),
            "form": Json(Whose.APPLICANT, any_key=True),
            "mail_address": Whose.APPLICANT,
        },
        ends=Ending(SOON, "expires_at"),
    ),
    "enquiries": TableMap(
        why="enquiries, to be forwarded (Y16)",
        kept="1 year",
        numbers="receipt_no submission_id received_at changed_at notified_at",
        persons={
            "name": Whose.ENQUIRER,
            "mail_address": Whose.ENQUIRER,
            "text": Whose.ENQUIRER,
            "contract_id": Whose.ENQUIRER,
            "application_no": Whose.ENQUIRER,
        },
        ends=Ending(YEAR, "received_at", only="notified_at is not null"),
    ),
}
