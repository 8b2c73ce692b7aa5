"""The pages of MYICS (M1 to M8), their services, and the jobs that notify its procedures."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from models.myics.store.address_changes import AddressChanges
from models.myics.store.batches import Batches
from models.myics.store.clients import Clients
from models.myics.store.permissions import NotPossibleError
from models.myics.store.registrants import LinkRefusedError, Registrants
from models.myics.store.renewals import Renewals
from models.myics.store.sign_in import SignIn
from models.myics.store.users import Users
from models.tables import MyicsBatchRow, MyicsRegistrationRow, MyicsSessionRow
from web.common.background_jobs import PeriodicJob
from web.common.body_limit import LargerBodies
from web.common.context import WebContext, WebPackage, given
from web.common.malware import MalwareScanner, Uploads
from web.common.problems import ProblemError
from web.myics import (
    pages_address,
    pages_batches,
    pages_clients,
    pages_log_ins,
    pages_password,
    pages_register,
    pages_sign_in,
    pages_users,
)
from web.myics.notifications import batch_notification, registration_notification
from web.myics.procedure_calls import InvitationUpdates
from web.myics.signed_in import FirmSessions

_SIGN_IN_AGAIN = "ログインの有効期限が切れています。ログインしてから、ファイルを送り直してください。"


def myics(context: WebContext, scanner: MalwareScanner) -> WebPackage:
    sessions, hashing, key, now = context.sessions, context.auth.hashing, context.secret_keys, context.now
    registrations = context.notifying(MyicsRegistrationRow, registration_notification)
    files = context.notifying(MyicsBatchRow, batch_notification)
    signed_in = FirmSessions(sessions, MyicsSessionRow, "myics", https=context.auth.https, now=now)
    users, sign_in = Users(sessions, registrations.wake, now), SignIn(sessions, hashing)

    async def refuses_strangers(request: Request) -> ProblemError | None:
        return None if await signed_in.find(request) else ProblemError(HTTPStatus.UNAUTHORIZED, _SIGN_IN_AGAIN)

    return WebPackage(
        routers=[
            pages_sign_in.router,
            pages_log_ins.router,
            pages_password.router,
            pages_register.router,
            pages_address.router,
            pages_users.router,
            pages_clients.router,
            pages_batches.router,
            pages_batches.of_one_file,
        ],
        services=[
            Registrants(sessions, hashing, key, registrations.wake, now),
            Renewals(sessions, hashing, key, registrations.wake, now),
            AddressChanges(sessions, sign_in, key, registrations.wake, now),
            sign_in,
            signed_in,
            users,
            InvitationUpdates(users, context.operations),
            Clients(sessions, registrations.wake, now),
            Batches(sessions, files.wake, now),
            Uploads(scanner),
        ],
        jobs=[registrations, files, PeriodicJob(signed_in.forget, timedelta(hours=1))],
        larger_bodies={pages_batches.BATCHES: LargerBodies(pages_batches.MOST_SENT, refuses_strangers)},
        answers={LinkRefusedError: _link_refused, NotPossibleError: _not_possible},
    )


async def _link_refused(request: Request, refused: Exception) -> Response:
    return _show(request, "link_refused.html", refused, HTTPStatus.GONE)


async def _not_possible(request: Request, refused: Exception) -> Response:
    return _show(request, "not_possible.html", refused, HTTPStatus.FORBIDDEN)


def _show(request: Request, template: str, refused: Exception, status: HTTPStatus) -> Response:
    return given(WebContext)(request).show(request, f"myics/{template}", {"reason": str(refused)}, status)
