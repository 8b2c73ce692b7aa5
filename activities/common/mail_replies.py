"""What a mail server's reply is about: the recipient alone, or perhaps us (RFC 5321, RFC 3463)."""

import re
from email.headerregistry import Address

_ENHANCED = re.compile(r"(?<![\w.])[245]\.[0-9]{1,3}\.[0-9]{1,3}(?!\w|\.\w)")
_OF_THE_RECIPIENT = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, no such system, no address, moved, takes no mail, disabled."""
_NO_SUCH_MAILBOX = re.compile(
    r"\b(?:no such|unknown|invalid|non-?existent) (?:user|mailbox|recipient|account|address|person)\b"
    r"|\b(?:user|mailbox|recipient|account|address) (?:is |was )?(?:unknown|not found|invalid|disabled|inactive)\b"
    r"|\b(?:user|mailbox|recipient|account|address) (?:does not|doesn't) exist\b",
    re.IGNORECASE,
)
_PERHAPS_NOT = re.compile(
    r"auth|log ?in|relay|denied|block|spam|polic|sender|client|reputation|listed|blacklist|reject|your|tls|limit|quota"
    r"|mail from|spf|dkim|dmarc|dns|ldap|too many|\brate|busy|\btry|later|again|temporar|gr[ea]y|\btime|unavailable",
    re.IGNORECASE,
)
_PERMANENT = range(500, 600)
_LONGEST = 100


def is_about_the_recipient(code: int, said: str) -> bool:
    """Say whether a refused recipient never will be taken, from anybody: by its enhanced status, else in plain words.

    `550` alone means anything: servers also say it when they have ceased to trust whoever sends.
    """
    if code not in _PERMANENT:
        return False
    # Each line has a status of its own, and a relay repeats what the next server said.
    if not _OF_THE_RECIPIENT.issuperset(_ENHANCED.findall(said)):
        return False
    return bool(_ENHANCED.match(said.lstrip())) or (
        bool(_NO_SUCH_MAILBOX.search(said)) and not _PERHAPS_NOT.search(said)
    )


def without_address(said: str, recipient: Address) -> str:
    """Return what a server said, shortened, without any address: failures are kept in histories and logs."""
    personal = {part.casefold() for part in (recipient.username, recipient.domain) if part}

    def names_nobody(word: str) -> bool:
        plain = word.isascii() and word.isprintable() and "@" not in word
        return plain and not any(part in word.casefold() for part in personal)

    return " ".join(filter(names_nobody, said.split()))[:_LONGEST]
