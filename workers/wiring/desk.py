"""Builds the operators' web application from settings."""

from fastapi import FastAPI
from temporalio.client import Client

from models.common.signing_keys import KeyPurpose
from models.common.store.sessions import DatabaseSessions
from web.backoffice.case_reader import CaseReader
from web.common.operation_sender import OperationSender
from web.desk_app import create_desk_app
from workers.known_keys import CurrentSigner
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import desk_url, openid_settings, secret_keys, web_ui_address
from workers.wiring.mail_previews import customer_mail_previews


def build_desk(settings: Settings, sessions: DatabaseSessions, client: Client) -> FastAPI:
    """Build it. The client may be lazy. Raises `ClearError` if operators could not log in, or not reach their cases."""
    openid = openid_settings(settings)
    if openid is None and settings.sign_in_run is None:
        raise ClearError(
            "operators cannot log in: set TETSUZUKI_OIDC_ISSUER and what belongs to it. "
            "Sign-in links are there while `tetsuzuki up` runs without a provider"
        )
    return create_desk_app(
        sessions=sessions,
        url=desk_url(settings),
        secret_keys=secret_keys(settings),
        web_ui_address=web_ui_address(settings),
        namespace=settings.temporal_namespace,
        sender=OperationSender(client, CurrentSigner(settings, sessions, KeyPurpose.OPERATORS)),
        cases=CaseReader(client),
        previews=customer_mail_previews(settings, sessions),
        openid=openid,
        run=None if openid else settings.sign_in_run,
    )
