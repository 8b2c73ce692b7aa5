"""Builds the customers' web application from settings, and what both web applications take from them."""

from urllib.parse import urlsplit

from fastapi import FastAPI
from temporalio.client import Client

from models.common.api_keys import read_api_keys
from models.common.calendar import BusinessCalendar
from models.common.store.sessions import DatabaseSessions
from models.webhooks.secrets import secrets_of
from web.app import create_app
from web.common.auth.api_keys import Systems
from web.common.auth.openid import OpenIdSettings
from web.common.malware import Clamd, MalwareScanner, NoScanner
from web.common.operation_sender import SignerNow
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import form_translation, myics_pages, public_url, secret_keys, yayoi_pages
from workers.wiring.root import freezes_at_acceptance


def build_web(settings: Settings, sessions: DatabaseSessions, client: Client, signer: SignerNow) -> FastAPI:
    """Build the web application. The client may be lazy: applications are taken while Temporal is away."""
    form_secrets = settings.form_webhook_secrets
    return create_app(
        sessions=sessions,
        client=client,
        signer=signer,
        calendar=BusinessCalendar(settings.closing_days),
        public_url=public_url(settings),
        secret_keys=secret_keys(settings),
        task_queue=settings.temporal_task_queue,
        reconcile_every=settings.reconcile_every,
        systems=systems(settings),
        form_secrets=secrets_of(form_secrets.get_secret_value()) if form_secrets else (),
        form_translation=form_translation(settings),
        yayoi_pages=yayoi_pages(settings),
        myics_pages=myics_pages(settings),
        scanner=malware_scanner(settings),
        freezes_at_acceptance=freezes_at_acceptance(settings),
    )


def systems(settings: Settings) -> Systems:
    """Return which other systems may use the API."""
    keys = read_api_keys(key.get_secret_value() for key in settings.api_keys)
    return Systems(keys, open_to_all=settings.api_open)


def openid_settings(settings: Settings) -> OpenIdSettings | None:
    """Return how operators log in at a provider; None if none is set.

    Raises:
        ClearError: something is missing or given twice; it names the variable.

    """
    if settings.oidc_issuer is None:
        without = sorted(name for name in settings.model_fields_set if name.startswith("oidc_"))
        if without:
            raise ClearError(f"TETSUZUKI_{without[0].upper()} is set, and TETSUZUKI_OIDC_ISSUER is not: set both")
        return None
    if not settings.oidc_client_id:
        raise ClearError("TETSUZUKI_OIDC_CLIENT_ID is not set: the provider knows this program by it")
    if settings.oidc_client_secret is None:
        raise ClearError("TETSUZUKI_OIDC_CLIENT_SECRET is not set (or …_FILE): the provider asks for it")
    return OpenIdSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        scope=settings.oidc_scope,
        roles_claim=None if settings.oidc_roles == "table" else settings.oidc_roles,
        acr_values=settings.oidc_acr_values,
        amr_values=settings.oidc_amr_values,
    )


def malware_scanner(settings: Settings) -> MalwareScanner:
    """Return what looks through what is uploaded."""
    if settings.malware_scanner is None:
        return NoScanner()
    where = urlsplit(settings.malware_scanner)
    return Clamd(path=where.path) if where.scheme == "unix" else Clamd(where.hostname or "", where.port or 3310)
