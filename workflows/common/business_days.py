"""Business days, as this deployment's calendar has them."""

from datetime import date

from temporalio import workflow

from activities.common.calendar import CalendarActivities
from models.common.calendar import day_in_japan
from models.common.messages import BusinessDays
from workflows.common.activity_options import LOOK_UP


async def business_days_after_today(*counts: int) -> tuple[date, ...]:
    """Return the days that are so many business days after today in Japan."""
    found = await workflow.execute_local_activity_method(
        CalendarActivities.business_days,
        BusinessDays(day=day_in_japan(workflow.now()), counts=counts),
        **LOOK_UP | {"summary": "営業日を調べる"},
    )
    return found.days
