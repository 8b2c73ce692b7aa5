"""What follows from the settings: where things are reached, keys, and how a form provider's fields are read."""

from models.yayoi.provider_forms.mapping import OwnFields, Translation
from workers.commands.form_mapping_file import read_mapping
from workers.errors import ClearError
from workers.settings import Settings


def secret_key(settings: Settings) -> str:
    """Return the key that signs links. Raises `ClearError` if there is none: links must survive a restart."""
    if settings.secret_key is None:
        raise ClearError("TETSUZUKI_SECRET_KEY is not set; it signs links, forms and codes. Set a long random text.")
    return settings.secret_key.get_secret_value()


def public_url(settings: Settings) -> str:
    """Return where applicants reach the web."""
    return settings.public_url or f"http://{settings.web_host}:{settings.web_port}"


def temporal_ui_url(settings: Settings) -> str:
    """Return where operators reach the Temporal Web UI."""
    return settings.temporal_ui_url or f"http://127.0.0.1:{settings.temporal_ui_port}"


def form_translation(settings: Settings) -> Translation:
    """Return what turns a form provider's fields into ours. Raises `ClearError` for a mapping that is wrong."""
    return read_mapping(settings.form_mapping) if settings.form_mapping else OwnFields()


def webhooks_may_be_private(settings: Settings) -> bool:
    """Whether webhooks may go to this machine and its network: unless set, where the database is the embedded one."""
    allowed = settings.webhook_allow_private
    return settings.database_url is None if allowed is None else allowed
