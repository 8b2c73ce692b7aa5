"""The numbers of 弥生's deadlines: procedures, stores, mails and pages take them from here.

The due date itself (Y11) is `BusinessCalendar.due_date`; an operator's turn is `workflows.common.escalation`.
"""

from datetime import timedelta

OPERATOR_ALERT_DAYS = 3
"""Business days before the due date on which an operator is notified that it is in danger (Y11)."""
APPLICANT_REMINDER_DAYS = (3, 6, 9)
"""Business days after which the applicant is reminded to correct the pair or to release the sharing (Y13)."""
EXPIRY_DAYS = 5
"""Business days after the due date in which the applicant can still correct or release (Y27)."""
EXTENSION_DAYS = 7
"""Days by which an operator's extension moves that deadline unless another day is typed in (Y27)."""
MOVED_TOGETHER = timedelta(minutes=1)
"""Offices of one application whose deadlines operators move within this time are in one mail to the applicant (Y27)."""
MOST_EXTENSION_DAYS = 366
"""Days by which extensions move it at most: a slip in the year would keep a case open for ever."""

MOST_UNCONFIRMED = 5
"""Applications on one contract that may wait for its holder's confirmation at the same time (Y5a)."""
HOLDER_MAIL_HOURS = 1
HOLDER_MAIL_EVERY = timedelta(hours=HOLDER_MAIL_HOURS)
"""At most one mail in this time goes to a contract's holder about the applications that wait for them (Y5a)."""
HOLDER_LINK_DAYS = 90
"""Days for which a link in such a mail opens at least, counted from when it was written (Y5a)."""

ISSUE_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 15))
"""How long a pair waits, time after time, for earlier pairs of its application that are about to be issued (Y15)."""

FOLLOW_UP_REMINDER_DAYS = (3, 7)
"""Business days after the notice on which the customer is reminded of what is open (Y25)."""
FOLLOW_UP_OPERATOR_DAYS = 10
"""Business days after the notice on which operators are shown what is open (Y25)."""
FOLLOW_UP_DAYS = 30
"""Days after the notice, or after a case was reopened, at which it closes, complete or not (Y25)."""
AFTER_CLOSING_DAYS = 90
"""Days after closing in which what is open can still be done (Y25)."""
MAILED_CASE_LINK_DAYS = FOLLOW_UP_DAYS + AFTER_CLOSING_DAYS
"""Days for which a case's link opens at least, from the day on which it was mailed: as long as there is something to do
if that mail is the notice (Y25)."""
CASE_LINK_DAYS = 30 + MAILED_CASE_LINK_DAYS
"""Days after the due date on which a case's links still open: the notice may be late by some weeks (Y25, Y27)."""

MEMBER_INVITATION_DAYS = 14
"""Days in which an invitation can be accepted, from when its link was requested (Y24)."""
MEMBER_INVITATION_REMINDER_DAYS = 3
"""Business days after which whoever was invited is reminded (Y24)."""

DRAFT_LASTS = timedelta(hours=24)
"""How long a plan or a half-filled form is kept from when it was last changed, if no link to it was mailed."""
SAVED_DRAFT_DAYS = 30
"""Days for which it is kept from when its link was last mailed."""

CODE_VALID = timedelta(minutes=30)
"""How long a mailed code can be typed in, from when it was requested (Y26)."""
ADDRESS_CHECK_LASTS = timedelta(hours=24)
"""An address check that is not finished by then is deleted (Y26)."""
