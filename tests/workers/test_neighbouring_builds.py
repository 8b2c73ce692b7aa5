"""Web and worker of neighbouring builds, of which one knows a field more, on a case that is open."""

from datetime import timedelta
from uuid import uuid4

from models.common.signatures import SignatureRefusal
from models.yayoi.operator_actions import Action, ExtendDeadline
from tests.support.cases import in_sharing
from tests.support.ending import end
from tests.support.environment import Environment
from tests.support.signing import SATO, operations_by
from web.common.operation_sender import Done, Refused

SAID = {"reason": "お電話"}


async def test_what_one_build_says_more_is_named_and_what_it_says_less_is_taken(environment: Environment) -> None:
    case = await in_sharing(environment)
    operations, office = operations_by(environment.client, environment.sessions), case.office().id

    async def sent(operation: Action, **more: str) -> object:
        return await operations.send(office, operation, SAID | more, SATO, str(uuid4()))

    # A web of the next build: its signature verifies, and the field that this worker does not know is named.
    refused = await sent(Action.ADD_NOTE, tone="friendly")
    assert isinstance(refused, Refused)
    assert "tone" in refused.reason
    assert not any(each.reason in refused.reason for each in SignatureRefusal)
    # A web of the build before: it knows nothing of the fields that were added with a default.
    later = environment.calendar.business_days_after(case.due_date, 5) + timedelta(days=7)
    optional = [name for name, field in ExtendDeadline.model_fields.items() if not field.is_required()]
    assert optional
    assert await sent(Action.EXTEND_DEADLINE, until=str(later)) == Done()
    assert (await case.progress()).waits_until == later
    audited = [row for row in await case.audit() if row.by == str(SATO)]
    assert [bool(row.signed) for row in audited] == [True]
    await end(case.application, case.office())
