"""`tetsuzuki certificates DIR`: an authority of one installation, its servers' and clients' certificates, and tokens.

Each holder gets a folder of its own, to be mounted where it runs and nowhere else: what it is known by, and the
authorities by which it knows the others. Safe to run again: what lasts long enough stays as it is.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from models.common.calendar import utc_now
from workers.durable_files import sync_folder
from workers.program import ClearError
from workers.settings import Settings

LASTS = timedelta(days=397)
"""How long certificates and tokens are good; they are made anew when the command runs within `RENEWED_BEFORE` of it."""
RENEWED_BEFORE = timedelta(days=90)
_AUTHORITY_LASTS = timedelta(days=3650)
_EARLIER = timedelta(hours=1)
"""Clocks differ a little."""
_SYSTEM = "temporal-system"
"""What Temporal's authorizer calls the right over all namespaces."""


@dataclass(frozen=True)
class CertificateHolder:
    """Who gets a folder, and what is in it."""

    name: str
    serves_as: str | None = None
    """The host name of its server certificate."""
    reaches_temporal: bool = False
    """Whether it gets a client certificate for Temporal's frontend."""
    token: str | None = None
    """Its right there: `read`, `write` or `admin` in the namespace of the cases, or `engineer`."""
    owner: int | None = None
    """The user that reads it, where that one insists on keys of its own; None: whoever runs in the container."""


OURS = 10001
"""The user of our own image."""
HOLDERS = (
    CertificateHolder("postgres", serves_as="postgres", owner=999),
    CertificateHolder("temporal", serves_as="temporal"),
    CertificateHolder("temporal-ui", serves_as="temporal-ui", reaches_temporal=True),
    CertificateHolder("mailpit", serves_as="mailpit"),
    CertificateHolder("migrate", reaches_temporal=True, token="admin", owner=OURS),  # noqa: S106 the name of a right
    CertificateHolder("worker", reaches_temporal=True, token="write", owner=OURS),  # noqa: S106
    CertificateHolder("eraser", reaches_temporal=True, token="write", owner=OURS),  # noqa: S106
    CertificateHolder("web", reaches_temporal=True, token="write", owner=OURS),  # noqa: S106
    CertificateHolder("desk", reaches_temporal=True, token="write", owner=OURS),  # noqa: S106
    CertificateHolder("figures", owner=OURS),
    CertificateHolder("engineer", reaches_temporal=True, token="engineer"),  # noqa: S106
)
UI_TOKEN = "ui-token"  # noqa: S105 the name of a file
"""With what the desk asks the Temporal Web UI, which may only read: in the desk's folder."""


def make_certificates(folder: Path, settings: Settings, now: datetime | None = None) -> None:
    """Make what is missing or ends soon, and say what was made. Raises `ClearError` where nothing can be written."""
    try:
        made = _made(folder, settings, now or utc_now())
    except OSError as error:
        raise ClearError(f"{error.filename or folder}: {error.strerror}: give a folder that can be written") from None
    sys.stdout.write(f"made for: {', '.join(made) or 'nobody, all are good for longer'}\n")


async def write_certificates(folder: Path, settings: Settings) -> None:
    """Run as a command."""
    make_certificates(folder, settings)


def _made(folder: Path, settings: Settings, at: datetime) -> list[str]:
    authority = Authority.at(folder / "authority", "tetsuzuki", at)
    inside = Authority.at(folder / "authority-of-temporal", "tetsuzuki, within Temporal", at)
    signer = _token_key(folder / "authority" / "tokens.key")
    made = [holder.name for holder in HOLDERS if _fill(folder / holder.name, holder, authority, at)]
    for holder in HOLDERS:
        where = folder / holder.name
        if holder.token and (holder.name in made or not (where / "token").exists()):
            rights = _rights(holder.token, settings.temporal_namespace)
            _write(where / "token", _token(signer, holder.name, rights, at), holder.owner, private=True)
        if holder.name == "desk" and (holder.name in made or not (where / UI_TOKEN).exists()):
            rights = _rights("read", settings.temporal_namespace)
            _write(where / UI_TOKEN, _token(signer, "temporal-ui", rights, at), holder.owner, private=True)
    _within_temporal(folder / "temporal", inside, at)
    keys = {"keys": [signer.as_dict(private=False) | {"use": "sig", "alg": "ES256"}]}
    _write(folder / "token-keys" / "jwks.json", json.dumps(keys).encode(), None, private=False)
    return made


@dataclass(frozen=True)
class Authority:
    """Signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def at(cls, folder: Path, name: str, at: datetime) -> "Authority":
        """Return the one whose files lie there, or a new one."""
        files = folder / "ca.pem", folder / "ca.key"
        if all(file.exists() for file in files):
            key = serialization.load_pem_private_key(files[1].read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return cls(x509.load_pem_x509_certificate(files[0].read_bytes()), key)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        made = (
            _builder(subject, subject, key, at, _AUTHORITY_LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(files[0], _pem(made), None, private=False)
        _write(files[1], _key_pem(key), os.geteuid(), private=True)
        return cls(made, key)

    def issue(self, name: str, hosts: Sequence[str], kinds: Sequence[x509.ObjectIdentifier], at: datetime) -> "Issued":
        """Make a key and the certificate for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self.certificate.subject, key, at, LASTS)
        if hosts:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(alternatives, critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(kinds), critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Issued(made, key)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, folder: Path, name: str, owner: int | None) -> None:
        _write(folder / f"{name}.key", _key_pem(self.key), owner, private=True)
        _write(folder / f"{name}.pem", _pem(self.certificate), owner, private=False)


def _fill(folder: Path, holder: CertificateHolder, authority: Authority, at: datetime) -> bool:
    """Return whether anything was made."""
    names = [name for name, wanted in (("server", holder.serves_as), ("client", holder.reaches_temporal)) if wanted]
    if _is_good(folder / "ca.pem", authority.certificate) and all(
        _lasts(folder / f"{name}.pem", authority, at) for name in names
    ):
        return False
    _write(folder / "ca.pem", _pem(authority.certificate), holder.owner, private=False)
    if holder.serves_as:
        hosts = [holder.serves_as, "localhost"]
        authority.issue(holder.name, hosts, [ExtendedKeyUsageOID.SERVER_AUTH], at).write(folder, "server", holder.owner)
    if holder.reaches_temporal:
        authority.issue(holder.name, [], [ExtendedKeyUsageOID.CLIENT_AUTH], at).write(folder, "client", holder.owner)
    return True


INSIDE = "temporal-inside"
"""The name by which Temporal's services know each other: nobody else has a certificate of their authority."""


def _within_temporal(folder: Path, inside: Authority, at: datetime) -> None:
    if _lasts(folder / "inside.pem", inside, at):
        return
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    _write(folder / "inside-ca.pem", _pem(inside.certificate), None, private=False)
    inside.issue(INSIDE, [INSIDE], both, at).write(folder, "inside", None)


def _rights(token: str, namespace: str) -> list[str]:
    # The authorizer looks for the namespace in small letters.
    return [f"{_SYSTEM}:admin"] if token == "engineer" else [f"{namespace.lower()}:{token}"]  # noqa: S105


def _token_key(file: Path) -> ECKey:
    if not file.exists():
        _write(file, ECKey.generate_key("P-256", private=True).as_pem(private=True), os.geteuid(), private=True)
    key = ECKey.import_key(file.read_text())
    return ECKey.import_key(key.as_dict(private=True) | {"kid": key.thumbprint()})


def _token(key: ECKey, subject: str, permissions: list[str], at: datetime) -> bytes:
    issued = int(at.timestamp())
    claims = {"sub": subject, "iat": issued, "exp": int((at + LASTS).timestamp()), "permissions": permissions}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key).encode()


def _is_good(file: Path, certificate: x509.Certificate) -> bool:
    return file.exists() and file.read_bytes() == _pem(certificate)


def _lasts(file: Path, authority: Authority, at: datetime) -> bool:
    """Whether a certificate is there, of this authority, and good for longer."""
    if not file.exists():
        return False
    found = x509.load_pem_x509_certificate(file.read_bytes())
    try:
        found.verify_directly_issued_by(authority.certificate)
    except Exception:  # noqa: BLE001 whatever is wrong with it, another one is made
        return False
    return found.not_valid_after_utc - at > RENEWED_BEFORE


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at.astimezone(UTC) - _EARLIER)
        .not_valid_after(at.astimezone(UTC) + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(file: Path, content: bytes, owner: int | None, *, private: bool) -> None:
    """Write whole or not at all. What nobody owns is read by whoever runs where the folder is mounted."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    mode = 0o600 if private and owner is not None else 0o644
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        os.fchmod(out.fileno(), mode)  # whatever the umask
        if owner is not None and os.geteuid() == 0:
            os.fchown(out.fileno(), owner, owner)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)
    sync_folder(file.parent)
