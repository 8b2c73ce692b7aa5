"""The numbers of MYICS' rules (M2, M8): procedures, stores, mails and pages take them from here.

The lengths of a password (M6) are those of `models.myics.passwords.MYICS_PASSWORD`; an operator's turn is
`workflows.common.escalation`.
"""

from datetime import timedelta

INVITATION_DAYS = 30
"""Days after which a representative's invitation expires (M8)."""
USER_DAYS = 14
"""Days after which a user's invitation expires, and the mail that checks a representative's address (M8)."""
RENEWAL_DAYS = 1
"""Days after which the link to a new password expires: it opens until the end of the next day in Japan (M8)."""
EXTENSION_DAYS = 14
"""Days by which an operator's extension moves a link's expiry unless another day is typed in (M8)."""
MOST_EXTENSION_YEARS = 1
"""Years by which an extension moves it at most (M8)."""

INVITATION_REMINDER_DAYS = (3, 7)
"""Business days after which whoever was invited, representative or user, is reminded (M8)."""
INVITATION_OPERATOR_DAYS = 10
"""Business days after which an operator is to call a representative who has not begun (M8)."""
CONFIRMATION_REMINDER_DAYS = (2, 5)
"""Business days after which a representative is reminded of the mail that checks the address (M8)."""
CONFIRMATION_OPERATOR_DAYS = 7
"""Business days after which an operator is to call a representative who has begun and not finished (M8)."""

KEYWORD_LENGTH = 64
"""Characters of a keyword at most (M2)."""
WRONG_KEYWORDS = 5
"""Wrong keywords in a row that lock a registration (M8)."""
MOST_CORRECTIONS = 5
"""How often a representative can correct the address that is being checked; after that the support does (M2)."""

MOST_ROWS = 20_000
"""Rows of one file (M8)."""
MOST_BYTES = 5_000_000
"""Bytes of one file (M8)."""
HELD_UP_AFTER = timedelta(minutes=10)
"""How long a file's invitations may wait for their start before operators are shown it (M8)."""
