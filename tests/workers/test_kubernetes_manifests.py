"""The Kubernetes manifests, read: Kubernetes takes them, and they say what the program needs and nothing else."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from models.common.signing_keys import KeyPurpose
from tests.support.prometheus import needs_prometheus, promtool
from web.common.readiness import READY_PATH
from workers.cli import app
from workers.database_roles import DatabaseRole
from workers.settings import Settings
from workers.stack.needed_secrets import OF_MIGRATE, SECRETS, SECRETS_OF
from workers.web_server import _DRAIN as WEB_DRAIN
from workers.wiring.root import DRAIN

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "examples" / "kubernetes"
MANIFESTS: dict[str, list[dict[str, Any]]] = {
    file.stem: list(yaml.safe_load_all(file.read_text(encoding="utf-8"))) for file in sorted(FOLDER.glob("*.yaml"))
}
SETTINGS: dict[str, str] = MANIFESTS["settings"][0]["data"]
DOCUMENT = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
PODS: dict[str, dict[str, Any]] = {
    name: documents[0]["spec"]["template"]["spec"] for name, documents in MANIFESTS.items() if name != "settings"
}
JOBS = {"replay", "migrate"}
NEEDED = {**SECRETS_OF, "migrate": OF_MIGRATE, "replay": OF_MIGRATE}
OPTIONAL = {"database_url", "sign_in_run", "former_secret_keys", "form_webhook_secrets", "bounce_imap_password"}
OF_OTHERS = {"FORWARDED_ALLOW_IPS"}
"""Read by uvicorn."""
ROLES = {
    "worker": DatabaseRole.WORKER,
    "eraser": DatabaseRole.ERASE,
    "web": DatabaseRole.CUSTOMERS,
    "desk": DatabaseRole.DESK,
    "figures": DatabaseRole.FIGURES,
}
WRITE_THE_JOURNAL = {"migrate", "worker", "eraser", "web", "desk"}
each_pod = pytest.mark.parametrize("name", PODS)


def main(name: str) -> dict[str, Any]:
    [container] = PODS[name]["containers"]
    return dict(container)


def environment(name: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in main(name)["env"]}


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("file", MANIFESTS)
def test_kubernetes_takes_them(file: str, version: str) -> None:
    for document in MANIFESTS[file]:
        kubernetes_validate.validate(document, version, strict=True)


def test_what_is_misspelled_is_not_taken() -> None:
    wrong = yaml.safe_load((FOLDER / "worker.yaml").read_text(encoding="utf-8").partition("---")[0])
    wrong["spec"]["template"]["spec"]["terminationGraceSeconds"] = 40
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@each_pod
def test_the_image_is_compose_s_and_the_command_exists(name: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    images = {each["image"] for each in (*PODS[name]["containers"], *PODS[name].get("initContainers", []))}
    assert images == {compose["x-tetsuzuki"]["image"]}
    assert main(name)["args"] == [name]
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


@each_pod
def test_the_settings_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = environment(name)
    known = {f"TETSUZUKI_{field.upper()}" for field in Settings.model_fields}
    known |= {f"TETSUZUKI_{field.upper()}_FILE" for field in SECRETS}
    assert (given.keys() | SETTINGS.keys()) - known == OF_OTHERS
    (tmp_path / "api-keys").write_text("registry:key-of-the-registry-0123456789-abcdef")
    (tmp_path / "master-keys").write_text(f"mk-1 {'0123456789abcdef' * 4}")
    for variable, value in (SETTINGS | given).items():
        secret = tmp_path / value.rpartition("/")[2]
        if variable.endswith("_FILE") and variable.removesuffix("_FILE") in known and value.startswith("/secrets/"):
            if not secret.exists():
                secret.write_text("a-secret-of-the-house-0123456789-abcdef")
            monkeypatch.setenv(variable, str(secret))
        else:
            monkeypatch.setenv(variable, value)
    settings = Settings()
    assert settings.database_password
    assert bool(settings.temporal_api_key) == (name != "figures")


@each_pod
def test_each_process_gets_the_secrets_that_it_needs_and_no_others_and_the_document_lists_them(name: str) -> None:
    variables = {variable.removeprefix("TETSUZUKI_").lower() for variable in environment(name)}
    given = {variable.removesuffix("_file") for variable in variables} & SECRETS
    passwords = {each for each in OF_MIGRATE if re.fullmatch("database_[a-z]+_password", each)}
    needed = NEEDED[name] - (passwords if name == "replay" else set())
    assert given - {"database_url"} == needed - OPTIONAL
    assert not SETTINGS.keys() & {f"TETSUZUKI_{each.upper()}" for each in SECRETS}

    secret = next(each["secret"]["secretName"] for each in PODS[name]["volumes"] if each["name"] == "secrets")
    files = {value.removeprefix("/secrets/") for value in environment(name).values() if value.startswith("/secrets/")}
    [row] = re.findall(rf"^\| `{secret}` \| (.+) \|$", DOCUMENT, re.MULTILINE)
    listed = set(re.findall("`([^`]+)`", row))
    assert files <= listed
    assert name == "replay" or files == listed


@pytest.mark.parametrize(("name", "role"), ROLES.items())
def test_each_process_connects_as_its_own_role(name: str, role: DatabaseRole) -> None:
    assert environment(name)["TETSUZUKI_DATABASE_URL"].startswith(f"postgresql+asyncpg://{role}@")


@each_pod
def test_a_pod_can_do_little(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    # A Service named tetsuzuki-web would set TETSUZUKI_WEB_PORT, which is ours.
    assert pod["enableServiceLinks"] is False
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} == container["resources"].keys()


@pytest.mark.parametrize("name", ROLES)
def test_what_is_in_hand_ends_within_the_grace_period(name: str) -> None:
    grace = PODS[name]["terminationGracePeriodSeconds"]
    before = main(name).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    drain = WEB_DRAIN if name in {"web", "desk", "figures"} else DRAIN.total_seconds()
    assert grace >= before + drain + 10
    [row] = [line for line in DOCUMENT.splitlines() if re.match(rf"\| (\w+, )?{name}\b.*\| \d+ \|$", line)]
    assert row.endswith(f"| {grace} |")
    assert f"{int(drain)} s" in row


@pytest.mark.parametrize("name", ROLES)
def test_probes_ask_what_they_are_for(name: str) -> None:
    container = main(name)
    if name in {"worker", "eraser"}:
        # A case that cannot go on is not cured by a restart.
        assert "livenessProbe" not in container
        assert container["readinessProbe"]["exec"]["command"] == ["tetsuzuki", "health", name]
        return
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == (READY_PATH if name == "web" else "/healthz")
    port = ports_of(name)["metrics" if name == "figures" else "http"]
    asked = {container[probe]["httpGet"]["port"] for probe in container if probe.endswith("Probe")}
    assert asked == {port}
    if name != "figures":
        assert environment(name)[f"TETSUZUKI_{name.upper()}_PORT"] == str(port)


def ports_of(name: str) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in main(name)["ports"]}


@pytest.mark.parametrize("name", ROLES)
def test_each_process_says_where_its_metrics_are(name: str) -> None:
    assert str(ports_of(name)["metrics"]) == SETTINGS["TETSUZUKI_METRICS_PORT"]


@needs_prometheus
def test_prometheus_takes_what_the_document_gives_it(tmp_path: Path) -> None:
    """But for how pods are found: Debian's is built without Kubernetes."""
    [given] = re.findall(r"^```yaml\n(scrape_configs:.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
    jobs = yaml.safe_load(given)["scrape_configs"]
    found = [{name: value for name, value in job.items() if name != "kubernetes_sd_configs"} for job in jobs]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": found}), encoding="utf-8")
    promtool("check", "config", str(file))
    ours = jobs[0]
    [(label, value)] = [each["label"].split("=") for each in ours["kubernetes_sd_configs"][0]["selectors"]]
    port, process = ours["relabel_configs"]
    for name in ROLES:
        labels = MANIFESTS[name][0]["spec"]["template"]["metadata"]["labels"]
        assert labels[label] == value
        assert port["regex"] in ports_of(name)
        assert labels["app.kubernetes.io/component"] == name
    assert process["source_labels"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_component"]


@pytest.mark.parametrize("name", sorted(JOBS))
def test_the_replay_check_and_the_migration_are_jobs_that_end(name: str) -> None:
    [job] = MANIFESTS[name]
    assert job["kind"] == "Job"
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert job["spec"]["activeDeadlineSeconds"] <= 3600
    # What the check finds is an answer: asking again gives the same.
    assert (job["spec"]["backoffLimit"] == 0) == (name == "replay")


def test_signing_keys_are_copied_so_that_nobody_else_reads_them() -> None:
    purposes = {"web": {KeyPurpose.CUSTOMERS}, "desk": {KeyPurpose.OPERATORS, KeyPurpose.AUDIT}}
    for name, pod in PODS.items():
        handed = {
            each["secret"]["secretName"]
            for each in pod["volumes"]
            if each.get("name", "").endswith("-keys")
            if "secret" in each
        }
        assert handed == {f"tetsuzuki-{purpose}-keys" for purpose in purposes.get(name, set())}
        for purpose in purposes.get(name, set()):
            [copying] = pod["initContainers"]
            assert copying["args"][0].startswith("umask 077; ")
            assert str(purpose) in copying["args"][0]
            assert f"`tetsuzuki-{purpose}-keys`" in DOCUMENT


def test_workers_and_the_web_stay_while_others_are_moved() -> None:
    for name in ("worker", "web"):
        assert "PodDisruptionBudget" in {each["kind"] for each in MANIFESTS[name]}
        assert MANIFESTS[name][0]["spec"]["replicas"] > 1
        assert MANIFESTS[name][0]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def mounted(name: str) -> dict[str, str]:
    """Return each volume that is claimed, with the folder in which the process finds it."""
    claimed = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in PODS[name]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    folders = {each["name"]: each["mountPath"] for each in main(name)["volumeMounts"]}
    return {claim: folders[volume] for volume, claim in claimed.items()}


def test_what_keeps_a_file_is_one_unless_its_volume_takes_many() -> None:
    """And what needs one place of its own, which figures and what ends something do, is not doubled."""
    claims = {
        each["metadata"]["name"]: each["spec"]["accessModes"]
        for documents in MANIFESTS.values()
        for each in documents
        if each["kind"] == "PersistentVolumeClaim"
    }
    using = {claim: {name for name in PODS if claim in mounted(name)} for claim in claims}
    assert claims == {"tetsuzuki-journal": ["ReadWriteMany"], "tetsuzuki-audit-heads": ["ReadWriteOnce"]}
    assert using == {"tetsuzuki-journal": WRITE_THE_JOURNAL, "tetsuzuki-audit-heads": {"desk"}}
    for name in ("eraser", "desk", "figures"):
        assert MANIFESTS[name][0]["spec"]["replicas"] == 1
        assert MANIFESTS[name][0]["spec"]["strategy"] == {"type": "Recreate"}


def test_every_process_that_writes_the_journal_has_it_where_the_settings_say() -> None:
    """Without it a new block of contract IDs is not drawn, and no key or log-in ended."""
    folder = str(Path(SETTINGS["TETSUZUKI_JOURNAL_FILE"]).parent)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    writing = {name for name, service in services.items() if "journal:/journal" in service.get("volumes", [])}
    assert writing - {"keys"} == WRITE_THE_JOURNAL  # keys are made on a machine of their own
    for name in WRITE_THE_JOURNAL:
        assert mounted(name)["tetsuzuki-journal"] == folder
