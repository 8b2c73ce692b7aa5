"""Everything that MYICS' pages and the command line ask for, put together in one place."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.common.password_hashing import Hashing
from models.myics.store.batches import Batches
from models.myics.store.clients import Clients
from models.myics.store.registrants import Registrants
from models.myics.store.renewals import Renewals
from models.myics.store.sign_in import SignIn
from models.tables import MyicsBatchRow, MyicsRegistrationRow
from web.common.background_jobs import PeriodicJob
from web.common.workflow_notifier import WorkflowNotifier
from web.myics.notifications import batch_notification, registration_notification
from web.myics.users import Users


class MyicsServices:
    """The services, and the jobs that tell procedures of what they have stored."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        client: Client,
        hashing: Hashing,
        *,
        secret_key: str,
        task_queue: str,
        every: timedelta,
    ) -> None:
        registrations = WorkflowNotifier(
            sessions, client, MyicsRegistrationRow, registration_notification, task_queue=task_queue
        )
        files = WorkflowNotifier(sessions, client, MyicsBatchRow, batch_notification, task_queue=task_queue)
        telling, telling_files = PeriodicJob(registrations.notify_all, every), PeriodicJob(files.notify_all, every)
        self.jobs: Sequence[PeriodicJob] = (telling, telling_files)
        self.registrants = Registrants(sessions, hashing, secret_key, telling.wake)
        self.renewals = Renewals(sessions, hashing, secret_key, telling.wake)
        self.sign_in = SignIn(sessions, hashing, telling.wake)
        self.users = Users(sessions, client, telling.wake)
        self.clients = Clients(sessions, telling.wake)
        self.batches = Batches(sessions, telling_files.wake)
