"""Every setting of every process, from `TETSUZUKI_*` variables. Nothing here touches the world."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from models.common.calendar import DEFAULT_CLOSING_DAYS
from models.common.contact import Phone
from models.common.web_addresses import WebAddress
from models.myics.vendor_pages import SITE
from models.yayoi.vendor_pages import REGISTRATION_PAGE, HelpPages
from workers.address_types import DatabaseUrl, Host, HostAndPort, MailSender, OneMailAddress, Port, SiteAddress
from workers.secret_files import SecretFiles
from workers.setting_types import (
    ApiKeys,
    AsciiSecret,
    CaseLink,
    ClaimPath,
    ClosingDays,
    DeploymentName,
    Duration,
    FilePath,
    Issuer,
    Json,
    LogLevel,
    MasterKeyTexts,
    Name,
    OpenIdScope,
    OurSecret,
    OurSecrets,
    RequiredWords,
    ScannerAddress,
    Secret,
    Text,
    WebhookSecrets,
)


class Settings(BaseSettings):
    """What can be set. The defaults are those of the embedded stack, where one is sensible.

    The embedded stack brings Postgres unless `database_url` is set, Temporal unless an address is set here or in
    Temporal's own configuration, and an SMTP inbox unless `smtp_host` is set, to whatever value.

    Each secret can lie in a file instead, which the same variable with `_FILE` at its end names.
    """

    model_config = SettingsConfigDict(
        env_prefix="TETSUZUKI_",
        env_ignore_empty=True,  # what Compose passes for a variable that is not set
        frozen=True,
        hide_input_in_errors=True,
    )

    state_dir: FilePath = Path(".tetsuzuki")
    """Where the embedded stack keeps everything."""

    database_url: DatabaseUrl | None = None
    """`postgresql+asyncpg://…`; unset: the embedded Postgres under the state folder."""
    database_password: Secret | None = None
    """Replaces the password of `database_url`, so that the URL itself holds no secret."""
    database_customers_password: OurSecret | None = None
    """What `migrate` lets the role of the customers' web log in with; unset: as Postgres' own configuration says."""
    database_desk_password: OurSecret | None = None
    database_worker_password: OurSecret | None = None
    database_erase_password: OurSecret | None = None
    database_figures_password: OurSecret | None = None
    database_tls: bool | None = None
    """Whether the database is reached by TLS; unset: unless it is on this machine."""
    database_ca: FilePath | None = None
    """Which authorities may have signed its certificate; unset: the system's."""

    audit_heads_file: FilePath | None = None
    """Where the desk appends the signed heads of the audit trail each night; unset: `audit` in the state folder."""

    journal_file: FilePath | None = None
    """Where the journal is kept, which no restore rolls back; unset: `journal` in the state folder."""
    backups_kept: Duration = timedelta(days=35)
    """How long the house keeps backups: who was erased is told when the last one that holds them ends."""

    temporal_address: HostAndPort | None = None
    """`host:port`; unset: the Temporal profile of the environment, else the embedded server."""
    temporal_namespace: Name = "default"
    temporal_task_queue: Name = "tetsuzuki"
    temporal_profile: Text | None = None
    """Name of a profile in Temporal's own configuration file (TLS, API key)."""
    temporal_config: bool = True
    """Read Temporal's own variables and configuration file at all."""
    temporal_tls: bool | None = None
    """Whether Temporal is reached by TLS; unset: as the profile says, else unless it is on this machine."""
    temporal_ca: FilePath | None = None
    """Which authorities may have signed its certificate; unset: the system's."""
    temporal_server_name: Host | None = None
    """The name in its certificate, where that is not the address's."""
    temporal_client_certificate: FilePath | None = None
    """With which this program shows who it is, and the key that goes with it."""
    temporal_client_key: FilePath | None = None
    temporal_api_key: AsciiSecret | None = None
    """What is sent with every call: an API key, or a token that the server's authorizer reads."""
    temporal_ui_address: WebAddress | None = None
    """Where the desk reaches the Temporal Web UI, which nobody else may reach; unset: the embedded server's."""
    temporal_ui_api_key: AsciiSecret | None = None
    """What the desk sends to it with every request: a token with which the Web UI may only read."""
    temporal_retention: Duration = Field(default=timedelta(days=90), ge=timedelta(days=90))

    deployment_name: DeploymentName = "tetsuzuki"
    """What the workers of all builds are together, to Temporal's worker versioning."""
    build_id: Name | None = None
    """This build's own name; unset: the version and a hash of the installed code."""
    versioning_behavior: Literal["auto_upgrade", "pinned"] = "auto_upgrade"
    """Whether open cases go over to the build that becomes current, or stay with the build that began them."""

    smtp_host: Host = "127.0.0.1"
    """Set: mails go there; unset: to the embedded inbox."""
    smtp_port: Port = 1025
    smtp_user: Text | None = None
    smtp_password: Secret | None = None
    smtp_tls: Literal["starttls", "tls", "none"] | None = None
    """`tls`: from the first byte; unset: `starttls` unless the server is on this machine."""
    smtp_ca: FilePath | None = None
    """Which authorities may have signed its certificate; unset: the system's."""
    bounce_address: OneMailAddress | None = None
    """Where mails come back to that cannot be delivered; unset: to whom they are from."""
    bounce_imap_host: Host | None = None
    """The IMAP server of that mailbox; set: what comes back is read there."""
    bounce_imap_port: Port = 993
    bounce_imap_user: Annotated[Text, Field(pattern="^[ -~]+$")] | None = None
    bounce_imap_password: AsciiSecret | None = None
    bounce_imap_folder: str = Field(default="INBOX", pattern="^[!-~]([ -~]*[!-~])?$")
    bounce_maildir: FilePath | None = None
    """Instead: the Maildir to which the machine's own mail server delivers it."""
    bounce_every: Duration = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1))

    operators_mail: OneMailAddress = "back-office@yayoi.example"
    """Where mails for operators go when nobody is in charge."""
    mail_from: MailSender = "弥生株式会社 カスタマーセンター <customer-center@yayoi.example>"
    myics_mail_from: MailSender = "日本ICS株式会社 MYICS サポート <myics@ics.example>"

    terms_url: WebAddress = REGISTRATION_PAGE
    """Where 弥生関連サービス基本利用規約 can be read, to which whoever registers a Yayoi ID agrees."""
    privacy_url: WebAddress = REGISTRATION_PAGE
    """Where 弥生's プライバシーポリシー can be read."""
    contact_name: Text = "弥生株式会社 カスタマーセンター"
    """Who answers 弥生's customers; pages and mails lead to `/enquiry` and name the phone if there is one."""
    contact_phone: Phone | None = None
    contact_hours: Text | None = None
    """When the phone is answered, in Japanese."""
    contact_url: WebAddress | None = None
    """A page of theirs about how they are reached."""
    help_pages: Annotated[HelpPages, NoDecode, Json] = HelpPages()
    """Where the vendor's help pages are, as JSON; what is not named keeps its default."""
    myics_terms_url: WebAddress = SITE
    """Where the terms of MYICS can be read, to which whoever registers agrees."""
    myics_support_name: Text = "MYICS サポート"
    myics_support_phone: Phone | None = None
    myics_support_hours: Text | None = None
    myics_support_url: WebAddress | None = SITE
    """A page on which MYICS' support is reached."""

    web_host: Host = "127.0.0.1"
    web_port: Port = 8080
    public_url: SiteAddress | None = None
    """Where applicants reach the web, for links in mails; unset: from `web_host` and `web_port`."""
    secret_key: OurSecret | None = None
    """Signs links, forms and mailed codes; unset: the embedded stack makes one and keeps it in the state folder."""
    former_secret_keys: OurSecrets = ()
    """Separated by commas, the newest first: keys that signed before. What they signed stays valid."""
    signing_keys_dir: FilePath | None = None
    """Where the private keys lie that sign who acts; unset: `keys` in the state folder."""
    master_key_file: FilePath | None = None
    """The file that holds them, one a line; unset: `master_keys` in the state folder."""
    master_keys: MasterKeyTexts | None = None
    """The keys themselves, `ID KEY` separated by commas, the one that wraps first; unset: the file holds them."""
    vault_address: WebAddress | None = None
    """A key management service (the transit engine of Vault or OpenBao) that opens wrapped master keys."""
    vault_key: str = Field(default="tetsuzuki", pattern="^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$")
    """The name of the service's own key."""
    vault_token_file: FilePath | None = None
    """The file that holds what this process shows to the service."""
    encrypt_histories: bool = True
    """Encrypt what Temporal keeps; false: what is written from now on is in clear, for measuring and finding errors."""
    reconcile_every: Duration = timedelta(seconds=10)

    desk_host: Host = "127.0.0.1"
    """Where the operators' web application listens."""
    desk_port: Port = 8233
    desk_url: SiteAddress | None = None
    """Where operators reach it, for mails and the provider's answers; unset: from `desk_host` and `desk_port`."""
    oidc_issuer: Issuer | None = None
    """The OpenID provider that operators log in at; unset: the embedded stack's sign-in links."""
    oidc_client_id: Text | None = None
    oidc_client_secret: Secret | None = None
    oidc_scope: OpenIdScope = "openid"
    """What is asked of the provider, separated by blanks."""
    oidc_roles: ClaimPath = "table"
    """`table`, or the claim that holds roles, as a JMESPath: `realm_access.roles`."""
    oidc_acr_values: RequiredWords = ()
    """One of them is required as the log-in's `acr`; unset: any."""
    oidc_amr_values: RequiredWords = ()
    """One of them is required among the log-in's `amr`; unset: any."""
    sign_in_run: Text | None = None
    """Set by `tetsuzuki up` for its own processes: during which run sign-in links are good."""

    api_keys: ApiKeys = ()
    """Separated by commas, each `NAME:SCOPES:KEY`, `NAME:KEY` or a bare key (`default`): what other systems send."""
    api_open: bool = False
    """Let whoever reaches the API use it; not together with `api_keys`."""
    form_webhook_secrets: WebhookSecrets | None = None
    """`whsec_…`, separated by commas: what the form provider signs with; several while they are being changed."""
    form_mapping: FilePath | None = None
    """The file that says which field of the provider is which of ours; unset: the provider sends ours."""
    malware_scanner: ScannerAddress | None = None
    """`tcp://host:3310` or `unix:///path`: where ClamAV's daemon looks through what is uploaded; unset: nobody does."""
    webhook_allow_private: bool | None = None
    """Let webhooks go to this machine and its network; unset: only where the database is the embedded one."""

    temporal_port: Port = 7233
    time_skipping: bool = False
    """Let the embedded Temporal server fast-forward cases (the demo does)."""

    closing_days: ClosingDays = DEFAULT_CLOSING_DAYS
    """The company's own closing days, `MM-DD` separated by commas."""
    contract_id_first: int = Field(default=7_000_000, ge=6_000_000, le=8_999_999)
    contract_id_last: int = Field(default=7_999_999, ge=6_000_000, le=8_999_999)
    contract_id_block: int = Field(default=100, ge=1, le=10_000)
    """For how many contract IDs the journal is written at once: a restore skips what is left of the last block."""
    restore_gap: int = Field(default=1_000_000, ge=1, le=10_000_000)
    """By how much a restore moves application numbers and every other count on."""

    log_level: LogLevel = "INFO"
    log_format: Literal["text", "json"] | None = None
    """How lines of the log are written; unset: as JSON with telemetry, else as text."""

    telemetry: bool = False
    """Serve metrics, send traces to `otlp_url`, and write the log as JSON."""
    metrics_host: Host = "127.0.0.1"
    """Where each process serves its metrics."""
    metrics_port: int = Field(default=9464, ge=1, le=65_530)
    """And at which port; the embedded stack gives its processes this one and those that follow."""
    otlp_url: WebAddress | None = None
    """The OTLP receiver (by HTTP, without `/v1/traces`) that traces go to; unset: nothing is traced."""
    case_traces_url: CaseLink | None = None
    """Where engineers see a case's traces, and its lines of the log: `{case}` stands for its number."""
    case_logs_url: CaseLink | None = None

    @property
    def logs_as_json(self) -> bool:
        return self.log_format == "json" or (self.telemetry and self.log_format is None)

    @field_validator("contract_id_last")
    @classmethod
    def _not_before_the_first(cls, last: int, others: ValidationInfo) -> int:
        first = others.data.get("contract_id_first", last)  # absent: it is refused itself
        if last < first:
            raise ValueError(f"it is below TETSUZUKI_CONTRACT_ID_FIRST ({first}): no contract ID could be issued")
        return last

    @field_validator("api_open")
    @classmethod
    def _closed_by_keys(cls, is_open: bool, others: ValidationInfo) -> bool:
        if is_open and others.data.get("api_keys"):
            raise ValueError("TETSUZUKI_API_KEYS is set: leave one of them out")
        return is_open

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 there are none
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 read in our own way
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is given, then variables, then the files that variables name."""
        return init_settings, env_settings, SecretFiles(settings_cls)
