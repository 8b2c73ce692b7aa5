"""What needs more than one request to show, and which tests show it."""

ELSEWHERE = (
    (
        "every page of customers, signed in as somebody else",
        "nothing of the other's: no name, number, office, group, service, invitation",
        "test_hostile_people.py::test_nobody_signed_in_sees_anything_of_another_customers",
    ),
    (
        "every page of a case with another case's number, office or key",
        "404, whether or not there is such a case",
        "test_hostile_people.py::test_no_key_opens_another_case_or_office",
    ),
    (
        "every page that needs signing in, without a session or with a made-up one",
        "led to the sign-in",
        "test_hostile_people.py::test_without_a_session_nobody_gets_past_the_sign_in",
    ),
    (
        "signing in, codes, registrations, forms, enquiries, refused API calls and forged webhooks again and again",
        "429 with `Retry-After`; others are served on",
        "test_hostile_people.py::test_whatever_can_be_tried_again_and_again_ends_with_429",
    ),
    (
        "a cell that begins like a formula, in the ledger's CSV",
        "the cell is inert text; the PDF holds it as text",
        "test_hostile_people.py::test_names_that_are_formulas_or_markup_stay_names_in_page_csv_and_pdf",
    ),
    (
        "markup, headings and links in names and enquiries, mailed",
        "escaped in HTML, no line of its own, no further header",
        "test_hostile_people.py::test_what_is_typed_into_mails_brings_no_structure_and_no_header",
    ),
    (
        "markup in what operators read in the Temporal Web UI",
        "text, within its cell",
        "test_hostile_people.py::test_what_operators_read_in_the_web_ui_brings_no_markup",
    ),
    (
        "subscribers at private, link-local and metadata addresses, by name, by number or in IPv6",
        "not connected to; the address that was judged is the one that is used",
        "test_webhook_post.py::test_public_addresses_take_https_only_and_machines_secrets_are_never_reached",
    ),
    (
        "subscribers that redirect elsewhere",
        "not followed",
        "test_webhook_post.py::test_all_but_2xx_is_not_taken_and_no_redirect_is_followed",
    ),
    (
        "actions of a case with another case's key, or with that of one office",
        "404, nothing done",
        "test_hostile_people.py::test_what_is_done_with_another_cases_key_is_not_done",
    ),
    (
        "every form there is, sent by a page of another site, signed in or not",
        "403, nothing done",
        "test_hostile_people.py::test_no_other_site_s_page_sends_any_form",
    ),
    (
        "cookies over TLS",
        "`__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/",
        "test_hostile_people.py::test_cookies_over_tls_are_of_this_host_alone",
    ),
    (
        "whatever is answered: 200, 303, 404, 405, 413, 422, 429, 500, files",
        "content security policy, `nosniff`, `no-referrer`, `no-store`, no framing",
        "test_hostile_people.py::test_every_answer_has_the_security_headers",
    ),
    (
        "a registration, failed sign-ins, an application, an enquiry and an error, with the logs read",
        "no name, address, password, code, token or key in any line",
        "test_no_personal_data.py::test_no_log_line_holds_anything_of_anybody",
    ),
    (
        "the histories of an application, a registration, an invitation and an enquiry",
        "no name, address, password or code in ids, search attributes and payloads but what operators read",
        "test_no_personal_data.py::test_no_history_holds_anything_of_anybody",
    ),
    (
        "a mail server that repeats the address it refuses",
        "only the kind of refusal and its number are kept",
        "test_mail_delivery.py::test_what_a_server_says_of_an_address_is_in_no_failure",
    ),
    (
        "line breaks in subjects, senders and recipients",
        "refused before there is a mail",
        "test_mail_headers.py::test_a_line_break_never_makes_a_header",
    ),
    (
        "a registered and an unknown address on the way to a new password",
        "the same pages, words and counts",
        "test_password_setting.py::test_the_answers_do_not_disclose_whether_an_address_is_registered",
    ),
    (
        "everything that OpenAPI describes, with what schemathesis makes up",
        "only answers that are described",
        "test_openapi.py::test_every_endpoint_answers_as_openapi_describes_it",
    ),
)
"""What needs more than one request: what is tried, what comes of it, and the test that shows it."""
