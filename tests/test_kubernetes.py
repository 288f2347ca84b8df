"""The manifests in docs/kubernetes: valid, with settings that exist and numbers that add up."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from actors.channels import CLOSE_HANDSHAKE_S
from runtime import supervisor
from runtime.settings import Settings
from runtime.settings.sections import VARIABLES

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "docs" / "kubernetes"
IMAGE = (ROOT / "Dockerfile.vllm").read_text(encoding="utf-8")
VERSIONS = ("1.30", kubernetes_validate.latest_version().removesuffix(".0"))
TELEMETRY_END_S = 1
DEPLOYMENTS = ("vllm-gpu.yaml", "vllm-cpu.yaml")


def check_keys(node: Any) -> None:
    """Refuse a key that stands twice: YAML's readers, Kubernetes' among them, may take the last one silently."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice {node.start_mark}: {keys}"
        for _, value in node.value:
            check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            check_keys(each)


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object, with its file's name."""
    for path in sorted(PLACE.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for node in yaml.compose_all(text, yaml.SafeLoader):
            check_keys(node)
        for manifest in yaml.safe_load_all(text):
            yield path.name, manifest


OBJECTS = list(manifests())
NAMED = [pytest.param(each, id=f"{name}-{each['kind']}") for name, each in OBJECTS]
every_object = pytest.mark.parametrize("manifest", NAMED)
every_deployment = pytest.mark.parametrize(
    "pod", [pytest.param(each["spec"]["template"], id=name) for name, each in OBJECTS if each["kind"] == "Deployment"]
)


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for _, each in OBJECTS if each["kind"] == kind]


def server(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["spec"]["containers"]
    return dict(container)


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """Its variables; a Secret's values are made up."""
    return {each["name"]: each.get("value", "k-1") for each in server(pod)["env"]}


def places(node: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a manifest that has a schema: those of labels and the like take any key."""
    if isinstance(node, dict):
        yield node
        for key, value in node.items():
            if key not in ("labels", "matchLabels", "annotations", "limits", "requests"):
                yield from places(value)
    elif isinstance(node, list):
        for each in node:
            yield from places(each)


def test_there_is_one_of_everything() -> None:
    assert [name for name, each in OBJECTS if each["kind"] == "Deployment"] == sorted(DEPLOYMENTS)
    assert len(of_kind("Service")) == len(of_kind("PodDisruptionBudget")) == 1


@pytest.mark.parametrize("version", VERSIONS)
@every_object
def test_it_is_what_kubernetes_takes(manifest: dict[str, Any], version: str) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True) == version


@every_object
def test_a_field_that_does_not_exist_would_be_found_wherever_it_stood(manifest: dict[str, Any]) -> None:
    for number in range(len(list(places(manifest)))):
        broken = copy.deepcopy(manifest)
        list(places(broken))[number]["surplus"] = 1
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


@every_deployment
def test_every_variable_is_a_setting_and_the_server_would_start_with_them(pod: dict[str, Any]) -> None:
    given = environment(pod)
    assert given.keys() <= VARIABLES.keys()
    settings = Settings.from_env(given)
    assert not settings.warnings
    assert settings.deployment.metrics_enabled
    assert settings.deployment.inference_engine.value == "vllm"
    secrets = {each["name"] for each in server(pod)["env"] if "valueFrom" in each}
    assert secrets == {"TEXT_API_KEY", "HF_TOKEN"}


@every_deployment
def test_the_pod_gets_the_time_that_a_drain_can_take(pod: dict[str, Any]) -> None:
    wait = server(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = Settings.from_env(environment(pod)).deployment.drain_timeout_s
    takes = wait + drain + CLOSE_HANDSHAKE_S + 1 + supervisor.CLOSE_TIMEOUT_S + TELEMETRY_END_S
    assert pod["spec"]["terminationGracePeriodSeconds"] > takes
    for name in DEPLOYMENTS:
        text = (PLACE / name).read_text(encoding="utf-8")
        terms = [int(each) for each in re.findall(r"#\s+\+?\s+(\d+)  \S", text)]
        (told,) = re.findall(r"#\s+= (\d+)", text)
        assert sum(terms) == int(told) == takes, "the sum in the comment"


@every_deployment
def test_liveness_never_asks_for_the_engine_and_readiness_does(pod: dict[str, Any]) -> None:
    container = server(pod)
    asked = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert {each["path"] for each in (asked["startup"], asked["liveness"])} == {"/healthz"}
    assert asked["readiness"]["path"] == "/readyz"
    assert {each["port"] for each in asked.values()} == {"http"}


@every_deployment
def test_ports_and_paths_are_the_servers(pod: dict[str, Any]) -> None:
    (port,) = server(pod)["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in IMAGE
    assert environment(pod)["SERVER_PORT"] == str(port["containerPort"])
    notes = pod["metadata"]["annotations"]
    assert (notes["prometheus.io/port"], notes["prometheus.io/path"]) == (str(port["containerPort"]), "/metrics")
    (service,) = of_kind("Service")
    assert [each["targetPort"] for each in service["spec"]["ports"]] == [port["name"]]


@every_deployment
def test_nobody_is_root_and_nothing_is_written_but_where_it_may(pod: dict[str, Any]) -> None:
    spec, container = pod["spec"], server(pod)
    user = spec["securityContext"]["runAsUser"]
    assert f"USER {user}:{spec['securityContext']['runAsGroup']}\n" in IMAGE
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["fsGroup"] == user
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts.keys() == {each["name"] for each in spec["volumes"] if "emptyDir" in each}
    assert set(mounts.values()) == {*re.findall(r"^VOLUME (\S+)", IMAGE, re.MULTILINE), "/tmp", "/dev/shm"}
    assert not spec["automountServiceAccountToken"] and not spec["enableServiceLinks"]


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=DEPLOYMENTS[::-1])
def test_everybody_means_the_same_pods_and_a_rollout_waits_for_a_model(deployment: dict[str, Any]) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (service,), (budget,) = of_kind("Service"), of_kind("PodDisruptionBudget")
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == budget["spec"]["selector"]["matchLabels"] == labels
    start = Settings.from_env(environment(deployment["spec"]["template"])).engine.start_timeout_s
    assert deployment["spec"]["progressDeadlineSeconds"] > start
