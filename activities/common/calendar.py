"""Business days as this deployment defines them (Y11, Y25)."""

from temporalio import activity

from models.common.calendar import BusinessCalendar
from models.common.messages import BusinessDays, BusinessDaysFound


class CalendarActivities:
    """Business days as this deployment's settings define them.

    An activity returns them, so that a case keeps the days it once got when holidays or settings change.
    """

    def __init__(self, calendar: BusinessCalendar) -> None:
        self._calendar = calendar

    @activity.defn
    async def business_days(self, wanted: BusinessDays) -> BusinessDaysFound:
        """Return the days that lie so many business days after a day."""
        return BusinessDaysFound(
            days=tuple(self._calendar.business_days_after(wanted.day, count) for count in wanted.counts)
        )
