"""What runs Headwater in containers: the image, compose and Kubernetes, each against the real command line."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import distribution
from pathlib import Path
from shutil import copytree, ignore_patterns
from socket import socket
from typing import Any, NamedTuple

import jsonschema
import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from consumers.api import server
from consumers.api.access import is_exposed
from consumers.cli import app
from consumers.cli.options import PORT
from consumers.run import metrics
from consumers.run.worker_service import GRACE

ROOT = Path(__file__).parent.parent
INFRA = ROOT / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
MANIFESTS = [
    manifest
    for file in sorted((INFRA / "kubernetes").glob("*.yaml"))
    if file.name != "kustomization.yaml"
    for manifest in yaml.safe_load_all(file.read_text())
]
KUSTOMIZATION = yaml.safe_load((INFRA / "kubernetes/kustomization.yaml").read_text())
PODS = {one["metadata"]["name"]: one["spec"]["template"] for one in MANIFESTS if "template" in one.get("spec", {})}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

COMPONENT = "app.kubernetes.io/component"

# Read from the environment without an option: a secret of ours, and what the clients of PostgreSQL and AWS read.
WITHOUT_OPTION = {"HEADWATER_KAFKA_PASSWORD", "PGPASSWORD"}
OF_AWS = {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


class Instruction(NamedTuple):
    """One line of a Dockerfile, continued lines joined."""

    word: str
    rest: str


def instructions() -> list[Instruction]:
    text = "\n".join(line for line in (INFRA / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]


def of_image(word: str) -> list[str]:
    """What the last stage says in lines that begin with a word."""
    lines = instructions()
    last = max(index for index, line in enumerate(lines) if line.word == "FROM")
    return [line.rest for line in lines[last:] if line.word == word]


IMAGE_ENVIRONMENT = dict(pair.split("=", 1) for rest in of_image("ENV") for pair in shlex.split(rest))


def known_variables() -> set[str]:
    """Every environment variable that some command reads."""
    commands = ("run", "serve", "forward", "migrate", "replay")
    arguments = [argument for command in commands for argument in app[command].assemble_argument_collection()]
    return {name for argument in arguments for name in argument.parameter.env_var or ()} | WITHOUT_OPTION


def parse(arguments: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command line read arguments in an environment.

    Raises:
        CycloptsError: It does not understand them.
    """
    for name in [name for name in os.environ if name.startswith(("HEADWATER_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in (IMAGE_ENVIRONMENT | environment).items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    app.parse_args(arguments, exit_on_error=False, print_error=False)


# The image


def test_the_image_is_built_from_a_pinned_python_and_runs_as_nobody_in_particular() -> None:
    stages = [line.rest.split(" AS ")[0] for line in instructions() if line.word == "FROM"]
    assert [stage for stage in stages if stage != "python"] == ["python:3.11-slim-trixie"]
    assert of_image("USER") == ["10001:10001"]
    assert of_image("ENTRYPOINT") == ['["headwater"]']
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in " ".join(of_image("LABEL"))


@pytest.mark.parametrize(("problem", "code"), [(None, 0), ("the database does not answer", 1)])
def test_the_image_distinguishes_a_healthy_worker_from_one_that_waits(problem: str | None, code: int) -> None:
    [check] = of_image("HEALTHCHECK")
    python, *arguments = json.loads(check.partition(" CMD ")[2])
    assert python == "python"
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    health = metrics.Health()
    health.problem = problem
    stop = metrics.serve("127.0.0.1", port, health)
    try:
        environment = os.environ | {"HEADWATER_METRICS_PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
        assert subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode == code
    finally:
        stop()


def copied() -> list[str]:
    """Paths of the repository that the image is built from."""
    copies = [shlex.split(line.rest) for line in instructions() if line.word == "COPY" and "--from" not in line.rest]
    return [path for copy in copies for path in copy[:-1]]


def test_docker_is_sent_what_it_copies_and_nothing_else() -> None:
    first, *others = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    assert sorted(line[1:] for line in others if line.startswith("!")) == sorted(copied())
    assert [line for line in others if not line.startswith("!")] == ["**/__pycache__"]


def wheel(source: Path, into: Path) -> dict[str, int]:
    """The files of the wheel that is built from a folder, with their checksums."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(next(into.glob("*.whl"))) as packed:
        return {file.filename: file.CRC for file in packed.infolist()}


def test_what_is_copied_makes_the_same_wheel_as_a_checkout(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for path in copied():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            copytree(ROOT / path, context / path, ignore=ignore_patterns("__pycache__"))
        else:
            (context / path).write_bytes((ROOT / path).read_bytes())
    built = wheel(context, tmp_path / "of-context")
    assert built == wheel(ROOT, tmp_path / "of-checkout")
    assert {"consumers/demo_files/template.yaml", "store/migrations/env.py"} <= built.keys()


def locked(file: Path) -> dict[str, set[str]]:
    """Each pin of a lock file, its condition included, with its hashes."""
    pins: dict[str, set[str]] = {}
    for word in file.read_text().replace("\\\n", " ").splitlines():
        pin, *hashes = word.split("--hash=")
        pins[pin.strip()] = {one.strip() for one in hashes}
    return pins


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-build.txt"])
def test_the_image_has_the_versions_that_are_tested(file: str) -> None:
    tested = locked(ROOT / "requirements.txt")
    assert {pin: hashes for pin, hashes in locked(INFRA / file).items() if tested.get(pin) != hashes} == {}


@pytest.mark.parametrize(
    ("file", "roots"),
    [
        ("requirements.txt", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["kafka"]]),
        ("requirements-build.txt", ["hatchling", "editables"]),
    ],
)
def test_the_image_has_what_it_needs_and_nothing_else(file: str, roots: list[str]) -> None:
    needed: set[str] = set()

    def need(text: str, extras: frozenset[str]) -> None:
        requirement = Requirement(text)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            return
        name = canonicalize_name(requirement.name)
        if name not in needed or requirement.extras:
            needed.add(name)
            for further in distribution(name).requires or ():
                need(further, frozenset(requirement.extras))

    for root in roots:
        need(root, frozenset())
    pins = [Requirement(pin) for pin in locked(INFRA / file)]
    assert {canonicalize_name(pin.name) for pin in pins if not pin.marker or pin.marker.evaluate()} == needed


def test_the_image_sets_only_variables_that_the_command_line_reads() -> None:
    ours = {name for name in IMAGE_ENVIRONMENT if name.startswith("HEADWATER_")}
    assert ours - known_variables() == set()
    assert IMAGE_ENVIRONMENT["HEADWATER_METRICS_HOST"] == "0.0.0.0"
    assert of_image("EXPOSE") == [f"{PORT} {IMAGE_ENVIRONMENT['HEADWATER_METRICS_PORT']}"]


def test_a_server_in_the_image_lets_nobody_in_unasked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "consumers.cli", "serve", "--database-url", f"sqlite:///{tmp_path}/store.db"]
    environment = os.environ | IMAGE_ENVIRONMENT | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "say --credentials FILE" in done.stderr


# Compose


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """A service's variables, with values for those that compose takes from the shell."""
    given = {name: "given" if value is None else str(value) for name, value in service.get("environment", {}).items()}
    return {name: re.sub(r"\$\{[^}]*\}", "given", value) for name, value in given.items()}


def test_compose_follows_its_specification() -> None:
    # Found without an import: the package reads a command line when it is imported.
    found = importlib.util.find_spec("check_jsonschema")
    assert found
    assert found.origin
    schema = json.loads((Path(found.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_text())
    errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(COMPOSE)
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("name", OURS)
def test_compose_runs_commands_that_the_command_line_understands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = OURS[name]
    environment = environment_of(service)
    assert environment.keys() - known_variables() - OF_AWS == set()
    parse(service["command"], environment, monkeypatch)


def test_compose_pins_every_image() -> None:
    tags = {name: service["image"].partition(":")[2] for name, service in SERVICES.items()}
    ours = {f"${{HEADWATER_TAG:-{PROJECT['version']}}}"}
    assert {name for name, tag in tags.items() if not re.match(r"v?\d", tag) and tag not in ours} == set()


def test_compose_publishes_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert {service.get("network_mode") for service in SERVICES.values()} == {None}


def test_compose_holds_no_secret() -> None:
    values = {
        (name, variable): value
        for name, service in SERVICES.items()
        for variable, value in service.get("environment", {}).items()
        if re.search(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY", variable)
    }
    asked = "${POSTGRES_PASSWORD:?choose a password for PostgreSQL}"
    assert {where for where, value in values.items() if value not in (None, asked)} == set()
    assert "://headwater:" not in (INFRA / "compose.yaml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_compose_gives_a_service_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) or name == "kafka"  # it writes its settings beside its program
    assert "privileged" not in service
    assert service["restart"] in {"unless-stopped", "on-failure:5"}


def test_compose_waits_for_the_services_that_report_readiness() -> None:
    for service in SERVICES.values():
        for awaited, how in service.get("depends_on", {}).items():
            once = awaited == "migrate"
            assert how == {"condition": "service_completed_successfully" if once else "service_healthy"}
            assert once or "healthcheck" in SERVICES[awaited]


def test_compose_mounts_only_files_that_are_there_and_volumes_that_it_names() -> None:
    assert {name for service in SERVICES.values() for name in service.get("secrets", ())} == COMPOSE["secrets"].keys()
    sources = [volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    files = [source for source in sources if source.startswith(".")]
    assert [file for file in files if not (INFRA / file).is_file()] == []
    assert sorted(set(sources) - set(files)) == sorted(COMPOSE["volumes"])


def test_prometheus_scrapes_the_services_that_serve_metrics() -> None:
    jobs = yaml.safe_load((INFRA / "prometheus/prometheus.yaml").read_text())["scrape_configs"]
    scraped = {(name, str(dns["port"])) for job in jobs for dns in job["dns_sd_configs"] for name in dns["names"]}
    port = IMAGE_ENVIRONMENT["HEADWATER_METRICS_PORT"]
    assert scraped == {(name, port) for name in OURS if name != "migrate"}


# Kubernetes


def kinds(kind: str) -> Iterator[dict[str, Any]]:
    return (manifest for manifest in MANIFESTS if manifest["kind"] == kind)


def identity(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=identity)
def test_manifests_follow_the_specification_of_kubernetes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_every_manifest_is_applied_and_none_twice() -> None:
    files = {file.name for file in (INFRA / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    names = [identity(manifest) for manifest in MANIFESTS]
    assert len(names) == len(set(names))
    assert KUSTOMIZATION["images"] == [{"name": "headwater", "newTag": PROJECT["version"]}]


def variables_of(container: dict[str, Any]) -> dict[str, str]:
    """What a container's environment will hold, with values for those of the secret."""
    [generated] = KUSTOMIZATION["configMapGenerator"]
    variables = dict(literal.split("=", 1) for literal in generated["literals"])
    of_kafka = container.get("envFrom") == [{"configMapRef": {"name": "headwater"}}]
    assert of_kafka or "envFrom" not in container
    return (variables if of_kafka else {}) | {one["name"]: one.get("value", "given") for one in container["env"]}


@pytest.mark.parametrize("name", PODS)
def test_pods_run_commands_that_the_command_line_understands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [container] = PODS[name]["spec"]["containers"]
    variables = variables_of(container)
    assert variables.keys() - known_variables() - OF_AWS == set()
    parse(container["args"], variables, monkeypatch)


@pytest.mark.parametrize("name", PODS)
def test_pods_may_do_no_more_than_they_need(name: str) -> None:
    spec = PODS[name]["spec"]
    [container] = spec["containers"]
    user = int(of_image("USER")[0].partition(":")[0])
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] in {account["metadata"]["name"] for account in kinds("ServiceAccount")}
    assert {"requests", "limits"} == container["resources"].keys()
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}


@pytest.mark.parametrize("name", [one["metadata"]["name"] for one in kinds("Deployment")])
def test_a_pod_is_restarted_when_it_hangs_but_not_while_the_database_is_away(name: str) -> None:
    spec = PODS[name]["spec"]
    [container] = spec["containers"]
    paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
    assert paths == {"startupProbe": "/metrics", "livenessProbe": "/metrics", "readinessProbe": "/health"}
    assert {container[probe]["httpGet"]["port"] for probe in paths} == {container["ports"][0]["name"]}
    port = container["ports"][0]["containerPort"]
    assert PODS[name]["metadata"]["annotations"]["prometheus.io/port"] == str(port)
    assert variables_of(container)["HEADWATER_METRICS_PORT"] == str(port)
    assert spec["terminationGracePeriodSeconds"] > 2 * GRACE


def test_a_server_has_time_for_the_requests_in_hand() -> None:
    assert PODS["headwater-api"]["spec"]["terminationGracePeriodSeconds"] > 2 * server.GRACE
    assert seconds(OURS["api"]["stop_grace_period"]) > server.GRACE


def test_a_server_is_given_keys_that_nobody_else_in_the_container_can_read() -> None:
    user, group = (int(number) for number in of_image("USER")[0].split(":"))
    [name] = OURS["api"]["secrets"]
    assert OURS["api"]["command"] == ["serve", "--credentials", f"/run/secrets/{name}"]

    spec = PODS["headwater-api"]["spec"]
    [container] = spec["containers"]
    [mounted] = [mount for mount in container["volumeMounts"] if mount["name"] == "credentials"]
    assert mounted["readOnly"]
    assert container["args"] == ["serve", "--credentials", f"{mounted['mountPath']}/credentials"]
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "credentials"]
    assert spec["securityContext"]["fsGroup"] == group  # which Kubernetes gives the secret's files to, root owning them
    assert not is_exposed(volume["secret"]["defaultMode"], 0, user)


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


def test_compose_too_leaves_time_for_the_batch_in_hand() -> None:
    assert {name for name, service in OURS.items() if seconds(service["stop_grace_period"]) < 2 * GRACE} == set()


def test_selectors_match_the_pods_that_they_are_for() -> None:
    labels = {name: pod["metadata"]["labels"].items() for name, pod in PODS.items()}

    def selected(by: dict[str, Any]) -> set[str]:
        [left_out] = by.get("matchExpressions", [None])
        if left_out:
            assert left_out == {"key": COMPONENT, "operator": "NotIn", "values": ["api"]}
        return {
            name
            for name, of in labels.items()
            if by["matchLabels"].items() <= of and not (left_out and (COMPONENT, "api") in of)
        }

    for deployment in kinds("Deployment"):
        assert selected(deployment["spec"]["selector"]) == {deployment["metadata"]["name"]}
    for name in ("headwater-worker", "headwater-api"):
        for spread in PODS[name]["spec"]["topologySpreadConstraints"]:
            assert selected(spread["labelSelector"]) == {name}
    [service] = kinds("Service")
    assert selected({"matchLabels": service["spec"]["selector"]}) == {"headwater-api"}
    [budget] = kinds("PodDisruptionBudget")
    assert selected(budget["spec"]["selector"]) == {"headwater-worker"}
    policies = {one["metadata"]["name"]: selected(one["spec"]["podSelector"]) for one in kinds("NetworkPolicy")}
    assert policies == {"headwater": PODS.keys() - {"headwater-api"}, "headwater-api": {"headwater-api"}}


def test_there_are_never_more_workers_than_partitions() -> None:
    [scaler] = kinds("HorizontalPodAutoscaler")
    [deployment] = [one for one in kinds("Deployment") if one["metadata"]["name"] == "headwater-worker"]
    assert scaler["spec"]["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": "headwater-worker",
    }
    assert "replicas" not in deployment["spec"], "it would be set back by every kubectl apply"
    [migrate] = PODS["headwater-migrate"]["spec"]["containers"]
    partitions = int(migrate["args"][migrate["args"].index("--partitions") + 1])
    assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"] <= partitions
    [metric] = scaler["spec"]["metrics"]
    [rule] = yaml.safe_load((INFRA / "prometheus/adapter.yaml").read_text())["rules"]["external"]
    [lag] = metrics.KAFKA_LAG.describe()
    assert metric["external"]["metric"]["name"] == rule["name"]["as"] == lag.name


def policy_of(name: str) -> dict[str, Any]:
    """What a network policy says."""
    [policy] = [one["spec"] for one in kinds("NetworkPolicy") if one["metadata"]["name"] == name]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    return dict(policy)


SCRAPING = {
    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    "ports": [{"protocol": "TCP", "port": 9400}],
}


def test_the_network_policy_lets_prometheus_in_and_lets_out_only_to_what_is_needed() -> None:
    policy = policy_of("headwater")
    assert policy["ingress"] == [SCRAPING]
    out = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert out == {53, 80, 443, 5432, 9092, 9094, 9096, 9098}
    [plain] = [rule for rule in policy["egress"] if rule["ports"] == [{"protocol": "TCP", "port": 80}]]
    assert plain["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]


def test_the_network_policy_of_the_api_lets_callers_in_and_lets_out_to_the_database_alone() -> None:
    policy = policy_of("headwater-api")
    assert policy["ingress"] == [SCRAPING, {"ports": [{"protocol": "TCP", "port": PORT}]}]
    names, database = policy["egress"]
    assert names == policy_of("headwater")["egress"][0]
    assert database == {"ports": [{"protocol": "TCP", "port": 5432}]}


def test_kubernetes_is_given_references_to_secrets_and_no_secret() -> None:
    assert list(kinds("Secret")) == []
    text = "".join(file.read_text() for file in (INFRA / "kubernetes").glob("*.yaml"))
    assert not re.search(r"://[^\s/]+:[^\s/]+@", text)
