"""What follows from the settings: where things are reached, keys, and how a form provider's fields are read."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from activities.common.mailboxes import ImapMailbox, Mailbox, MaildirMailbox
from models.common.contact import Contact
from models.common.json_text import read_json
from models.common.secret_keys import SecretKeys
from models.common.web_addresses import address_of
from models.myics.vendor_pages import MyicsPages
from models.yayoi.enquiries import ENQUIRY_PATH
from models.yayoi.provider_forms.mapping import FormMapping, OwnFields, Translation
from models.yayoi.vendor_pages import YayoiPages
from workers.database_roles import DatabaseRole, Passwords
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places


def secret_keys(settings: Settings) -> SecretKeys:
    """Return the keys that sign links. Raises `ClearError` if there is none: links must survive a restart."""
    if settings.secret_key is None:
        raise ClearError("TETSUZUKI_SECRET_KEY is not set; it signs links, forms and codes. Set a long random text.")
    former = tuple(key.get_secret_value() for key in settings.former_secret_keys)
    return SecretKeys(settings.secret_key.get_secret_value(), former)


def public_url(settings: Settings) -> str:
    """Return where applicants reach the web."""
    return settings.public_url or address_of(settings.web_host, settings.web_port)


def desk_url(settings: Settings) -> str:
    """Return where operators reach their web application."""
    return settings.desk_url or address_of(settings.desk_host, settings.desk_port)


def yayoi_pages(settings: Settings) -> YayoiPages:
    """Return what pages and mails of 弥生's procedures name outside of this site."""
    contact = Contact(
        name=settings.contact_name,
        phone=settings.contact_phone,
        hours=settings.contact_hours,
        url=settings.contact_url,
    )
    return YayoiPages(terms=settings.terms_url, privacy=settings.privacy_url, help=settings.help_pages, contact=contact)


def myics_pages(settings: Settings) -> MyicsPages:
    """Return what pages and mails of MYICS name outside of this site."""
    contact = Contact(
        name=settings.myics_support_name,
        phone=settings.myics_support_phone,
        hours=settings.myics_support_hours,
        url=settings.myics_support_url,
    )
    return MyicsPages(terms=settings.myics_terms_url, contact=contact)


def named_in_mails(settings: Settings) -> dict[str, Any]:
    """Return what every mail may name beside its own facts."""
    return {
        "yayoi_pages": yayoi_pages(settings),
        "myics_pages": myics_pages(settings),
        "enquiry_url": public_url(settings).rstrip("/") + ENQUIRY_PATH,
    }


def bounce_mailbox(settings: Settings) -> Mailbox | None:
    """Return where returned mails are read from; None: they are not read. Raises `ClearError` for half of it."""
    host, maildir = settings.bounce_imap_host, settings.bounce_maildir
    if host and maildir:
        raise ClearError("set TETSUZUKI_BOUNCE_IMAP_HOST or TETSUZUKI_BOUNCE_MAILDIR, not both")
    if maildir:
        return MaildirMailbox(maildir)
    if host is None:
        return None
    user, password = settings.bounce_imap_user, settings.bounce_imap_password
    if user is None or password is None:
        raise ClearError("TETSUZUKI_BOUNCE_IMAP_HOST needs TETSUZUKI_BOUNCE_IMAP_USER and …_PASSWORD")
    folder, port = settings.bounce_imap_folder, settings.bounce_imap_port
    return ImapMailbox(host, port, user, password.get_secret_value(), folder)


def web_ui_address(settings: Settings) -> str:
    """Return where the desk reaches the Temporal Web UI. Raises `ClearError` if that is not known."""
    if settings.temporal_ui_address is None:
        raise ClearError(
            "TETSUZUKI_TEMPORAL_UI_ADDRESS is not set: it says where the desk reaches the Temporal Web UI, "
            "which nobody else may reach"
        )
    return settings.temporal_ui_address


def audit_heads_file(settings: Settings) -> Path:
    """Return where the heads of the audit trail are appended."""
    return settings.audit_heads_file or Places(settings.state_dir).audit_heads


def role_passwords(settings: Settings) -> Passwords:
    """Return what the database's roles log in with; None: Postgres' own configuration says how."""
    given = {
        DatabaseRole.CUSTOMERS: settings.database_customers_password,
        DatabaseRole.DESK: settings.database_desk_password,
        DatabaseRole.WORKER: settings.database_worker_password,
        DatabaseRole.ERASE: settings.database_erase_password,
        DatabaseRole.FIGURES: settings.database_figures_password,
    }
    return {role: password.get_secret_value() if password else None for role, password in given.items()}


def webhooks_may_be_private(settings: Settings) -> bool:
    """Whether webhooks may go to this machine and its network: unless set, where the database is the embedded one."""
    allowed = settings.webhook_allow_private
    return settings.database_url is None if allowed is None else allowed


def form_translation(settings: Settings) -> Translation:
    """Return what turns a form provider's fields into ours. Raises `ClearError` for a mapping that is wrong."""
    return read_mapping(settings.form_mapping) if settings.form_mapping else OwnFields()


def read_mapping(file: Path) -> FormMapping:
    """Read a `.toml` or `.json` file. Raises `ClearError`, which says where and why it cannot be used."""
    where = f"TETSUZUKI_FORM_MAPPING ({file})"
    try:
        text = file.read_text(encoding="utf-8")
        data = read_json(text) if file.suffix == ".json" else _read_toml(text)
        return FormMapping.model_validate(data)
    except OSError as error:
        raise ClearError(f"{where} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        wrong = [f"  {'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in error.errors()]
        raise ClearError("\n".join([f"{where} is wrong:", *wrong])) from None
    except ValueError as error:  # neither JSON nor TOML, nor UTF-8
        raise ClearError(f"{where} is no {file.suffix.removeprefix('.').upper() or 'TOML'}: {error}") from None


def _read_toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it has too many levels") from None
