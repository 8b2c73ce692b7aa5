"""Builds what sends operations with the operators' key: for the desk, and for commands."""

from temporalio.client import Client

from models.common.signing_keys import KeyPurpose
from models.common.store.operation_records import OperationRecords
from models.common.store.sessions import DatabaseSessions
from web.common.operation_sender import OperationSender
from workers.known_keys import CurrentSigner
from workers.settings import Settings


def operations_by_operators(settings: Settings, client: Client, sessions: DatabaseSessions) -> OperationSender:
    """Build it. The key is looked up with the first operation, and every minute from then on."""
    signer = CurrentSigner(settings, sessions, KeyPurpose.OPERATORS)
    return OperationSender(client, signer, OperationRecords(sessions))
