"""All pages of MYICS (M1 to M8), and what is said where they cannot go on."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import Response

from models.myics.store.permissions import NotPossibleError
from models.myics.store.registrants import LinkRefusedError
from web.common.background_jobs import PeriodicJob
from web.myics.pages_batches import batch_pages, batch_progress_pages
from web.myics.pages_clients import client_pages
from web.myics.pages_password import forgotten_password_pages, new_password_pages
from web.myics.pages_register import registration_pages, representative_pages
from web.myics.pages_sign_in import sign_in_pages
from web.myics.pages_users import user_action_pages, user_pages
from web.myics.parts import MyicsContext


def open_myics_pages(app: FastAPI, parts: MyicsContext) -> Sequence[PeriodicJob]:
    """Put the pages on the application, and return the jobs that run beside them."""
    for pages in (
        sign_in_pages(parts),
        forgotten_password_pages(parts),
        new_password_pages(parts),
        registration_pages(parts),
        representative_pages(parts),
        user_pages(parts),
        user_action_pages(parts),
        client_pages(parts),
        batch_pages(parts),
        batch_progress_pages(parts),
    ):
        app.include_router(pages)

    def dead_link(request: Request, refused: Exception) -> Response:
        return parts.show(request, "link_refused.html", {"reason": str(refused)}, HTTPStatus.GONE)

    def not_possible(request: Request, refused: Exception) -> Response:
        return parts.show(request, "not_possible.html", {"reason": str(refused)}, HTTPStatus.FORBIDDEN)

    app.add_exception_handler(LinkRefusedError, dead_link)
    app.add_exception_handler(NotPossibleError, not_possible)
    return parts.services.jobs
