"""Builds the operators' web application from settings."""

from fastapi import FastAPI
from temporalio.client import Client

from activities.backoffice.broken_cases import BrokenCases
from models.common.calendar import BusinessCalendar, utc_now
from models.common.signing_keys import KeyPurpose
from models.common.store.operation_records import OperationRecords
from models.common.store.sessions import DatabaseSessions
from models.common.task_queues import erasing_queue
from web.backoffice.audit_heads_archive import HeadsFile
from web.backoffice.case_reader import CaseReader
from web.backoffice.ended_offices import EndedOfficeReader, EndedOfficeSender
from web.backoffice.erasure_starter import ErasureWorkflows
from web.desk_app import create_desk_app
from web.yayoi.ended_office_records import EndedOfficeRecords
from workers.case_keys import CaseKeys
from workers.codec import PayloadReader
from workers.histories import Histories
from workers.known_keys import private_key_for
from workers.program import ClearError
from workers.settings import Settings
from workers.tls import check_authorities
from workers.wiring.derived import audit_heads_file, desk_url, secret_keys, web_ui_address
from workers.wiring.mail_previews import customer_mail_previews
from workers.wiring.operations import operations_by_operators
from workers.wiring.web import openid_settings


def build_desk(settings: Settings, sessions: DatabaseSessions, client: Client, keys: CaseKeys) -> FastAPI:
    """Build it. The client may be lazy. Raises `ClearError` if operators could not log in, or not reach their cases."""
    check_authorities()
    openid = openid_settings(settings)
    if openid is None and settings.sign_in_run is None:
        raise ClearError(
            "operators cannot log in: set TETSUZUKI_OIDC_ISSUER and what belongs to it. "
            "Sign-in links are there while `tetsuzuki up` runs without a provider"
        )
    operations = operations_by_operators(settings, client, sessions)
    ended = EndedOfficeRecords(sessions, client, operations, utc_now, task_queue=settings.temporal_task_queue)
    return create_desk_app(
        sessions=sessions,
        url=desk_url(settings),
        secret_keys=secret_keys(settings),
        web_ui_address=web_ui_address(settings),
        web_ui_token=settings.temporal_ui_api_key.get_secret_value() if settings.temporal_ui_api_key else None,
        namespace=settings.temporal_namespace,
        sender=EndedOfficeSender(operations, ended, sessions, OperationRecords(sessions)),
        payloads=PayloadReader(keys, client.namespace),
        audit_key=lambda: private_key_for(settings, sessions, KeyPurpose.AUDIT),
        history=Histories(client),
        heads=HeadsFile(audit_heads_file(settings)),
        erasures=ErasureWorkflows(client, erasing_queue(settings.temporal_task_queue)),
        calendar=BusinessCalendar(settings.closing_days),
        every=settings.reconcile_every,
        cases=EndedOfficeReader(CaseReader(client), sessions),
        previews=customer_mail_previews(settings, sessions),
        openid=openid,
        broken_cases=BrokenCases(sessions, client, settings.temporal_task_queue).find,
        run=None if openid else settings.sign_in_run,
        traces_url=settings.case_traces_url,
        logs_url=settings.case_logs_url,
    )
