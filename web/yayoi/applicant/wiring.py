"""The pages of who applies."""

from web.common.context import WebContext, WebPackage
from web.yayoi.applicant import apply_pages, case_actions, case_pages, guide_pages
from web.yayoi.applicant.case_access import LinkExpiredError, answer_expired_link


def applicant(_: WebContext) -> WebPackage:
    return WebPackage(
        routers=[guide_pages.router, apply_pages.router, case_pages.router, case_actions.router],
        answers={LinkExpiredError: answer_expired_link},
    )
