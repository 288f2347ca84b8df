"""What the process does with the variables that libraries read."""

import tempfile
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engines.guardian import MARK
from engines.trt.environment import LIBRARY_ENV as TRT_ENV
from engines.vllm.environment import LIBRARY_ENV
from runtime.settings import Settings
from runtime.settings.sections import VARIABLES
from runtime.surroundings import Surroundings, look_around

CHAT = {
    "TEXT_API_KEY": "key",
    "MAX_CONCURRENT_CONNECTIONS": "4",
    "INFERENCE_ENGINE": "vllm",
    "DEPLOY_MODE": "chat",
    "CHAT_MODEL": "owner/name",
    "CUDA_VISIBLE_DEVICES": "",
}
SECRETS = {name for name, variable in VARIABLES.items() if variable.secret}


@pytest.mark.parametrize(("size", "kept"), [({}, True), ({"CHAT_KV_CACHE_BYTES": "67108864"}, False)])
def test_on_a_cpu_our_kv_cache_size_outweighs_the_librarys_variable(
    size: dict[str, str], kept: bool, tmp_path: Path
) -> None:
    environ = {**CHAT, **size, "VLLM_CPU_KVCACHE_SPACE": "2"}
    with capture_logs() as records:
        around = look_around(Settings.from_env(environ), environ, tmp_path)
    assert around.gpus == ()
    assert ("VLLM_CPU_KVCACHE_SPACE" in environ) is kept
    told = [record["warning"] for record in records if record["event"] == "settings.warned"]
    assert told == ([] if kept else ["VLLM_CPU_KVCACHE_SPACE is set aside: CHAT_KV_CACHE_BYTES is what counts"])


def looked(environ: dict[str, str], scratch: Path, **more: Path) -> tuple[Surroundings, list[str]]:
    """What was found, and the warnings."""
    with capture_logs() as records:
        around = look_around(Settings.from_env(environ), environ, scratch, **more)
    return around, [record["warning"] for record in records if record["event"] == "settings.warned"]


def test_service_links_are_kept_from_the_libraries_with_one_warning(tmp_path: Path) -> None:
    links = {
        "VLLM_PORT": "tcp://10.43.1.2:8000",
        "VLLM_PORT_8000_TCP": "tcp://10.43.1.2:8000",
        "VLLM_PORT_8000_TCP_ADDR": "10.43.1.2",
        "VLLM_SERVICE_HOST": "10.43.1.2",
        "RAY_PORT": "tcp://10.43.1.3:6379",
        "RAY_SERVICE_HOST": "10.43.1.3",
        "NCCL_PORT": "udp://10.43.1.4:1",
        "MASTER_PORT": "tcp://10.43.1.5:1",
        "TRT_PORT": "tcp://10.43.1.6:1",
        "HF_PORT": "tcp://10.43.1.7:1",
    }
    kept = {
        "VLLM_HOST_IP": "10.0.0.9",
        "NCCL_SOCKET_IFNAME": "eth0",
        "LMCACHE_REMOTE_URL": "tcp://10.0.0.1:4317",
        "REDIS_PORT": "tcp://10.43.1.8:6379",
        "KUBERNETES_PORT": "tcp://10.43.0.1:443",
    }
    environ = {**CHAT, **links, **kept}
    _, told = looked(environ, tmp_path)
    assert (CHAT.keys() | links.keys() | kept.keys()) - environ.keys() == links.keys() | {"TEXT_API_KEY"}
    (warning,) = told
    assert all(name in warning for name in links)


def test_a_number_of_a_librarys_own_is_left_alone(tmp_path: Path) -> None:
    environ = {**CHAT, "VLLM_PORT": "5000", "VLLM_SERVICE_HOST": "10.43.1.2"}
    _, told = looked(environ, tmp_path)
    assert (environ["VLLM_PORT"], environ["VLLM_SERVICE_HOST"], told) == ("5000", "10.43.1.2", [])


@pytest.mark.parametrize("mode", [{}, {"INFERENCE_ENGINE": "trt"}, {"DEPLOY_MODE": "tool", "TOOL_MODEL": "o/t"}])
@pytest.mark.parametrize("skip", ["0", "1"])
def test_token_and_cache_reach_the_hub_client_in_every_mode(mode: dict[str, str], skip: str, tmp_path: Path) -> None:
    environ = {**CHAT, **mode, "YAP_SKIP_ENV_AUTOCONFIG": skip, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    settings = Settings.from_env({**environ, "HF_TOKEN": "hush", "HF_HOME": "/hf"})
    with capture_logs() as records:
        around = look_around(settings, environ, tmp_path)
    assert (environ["HF_TOKEN"], environ["HF_HOME"]) == ("hush", "/hf")
    assert "HF_HUB_DISABLE_IMPLICIT_TOKEN" not in environ
    assert "hush" not in f"{records}{around}{settings}"


def test_declined_library_variables_leave_what_the_server_needs(tmp_path: Path) -> None:
    environ = {**CHAT, "YAP_SKIP_ENV_AUTOCONFIG": "1"}
    around, _ = looked(environ, tmp_path, sockets=tmp_path)
    assert not LIBRARY_ENV.keys() & environ.keys()
    assert around.error_log is not None
    assert around.mark == f"{MARK}={environ[MARK]}"
    assert {"VLLM_LOGGING_CONFIG_PATH", "VLLM_LOGGING_LEVEL", "VLLM_RPC_BASE_PATH"} <= environ.keys()

    environ = {**CHAT, "INFERENCE_ENGINE": "trt", "YAP_SKIP_ENV_AUTOCONFIG": "1"}
    around, _ = looked(environ, tmp_path)
    assert not TRT_ENV.keys() & environ.keys()
    assert around.mark == f"{MARK}={environ[MARK]}"
    assert environ["TLLM_LOG_LEVEL"] == "WARNING"


def test_mpi_gets_a_short_directory_only_where_temporary_files_have_a_long_one(tmp_path: Path) -> None:
    environ = {**CHAT, "INFERENCE_ENGINE": "trt"}
    looked(environ, tmp_path, sockets=Path(tempfile.gettempdir()) / "yap-x")
    assert "TMPDIR" not in environ
    environ["TEXT_API_KEY"] = "key"
    looked(environ, tmp_path, sockets=Path("/elsewhere/yap-x"))
    assert environ["TMPDIR"] == "/elsewhere/yap-x"


def test_records_and_bars_of_the_hub_are_shown_where_they_are_wanted(tmp_path: Path) -> None:
    quiet, shown = {**CHAT}, {**CHAT, "SHOW_HF_LOGS": "1", "TRANSFORMERS_VERBOSITY": "debug"}
    tool = {**CHAT, "SHOW_TOOL_LOGS": "1"}
    for environ in (quiet, shown, tool):
        looked(environ, tmp_path)
    assert quiet["HF_HUB_DISABLE_PROGRESS_BARS"] == "1"
    assert "HF_HUB_DISABLE_PROGRESS_BARS" not in shown.keys() | tool.keys()
    assert (shown["HF_HUB_VERBOSITY"], shown["TRANSFORMERS_VERBOSITY"]) == ("info", "debug")


def test_how_many_replicas_there_are_is_not_the_librarys_variables_to_say(tmp_path: Path) -> None:
    environ = {**CHAT, "VLLM_DP_SIZE": "2", "VLLM_DP_RANK": "1"}
    _, told = looked(environ, tmp_path)
    assert not {"VLLM_DP_SIZE", "VLLM_DP_RANK"} & environ.keys()
    assert [warning.partition(" ")[0] for warning in told] == ["VLLM_DP_SIZE", "VLLM_DP_RANK"]


OTLP = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret",
}


@pytest.mark.parametrize("skip", ["0", "1"])
@pytest.mark.parametrize("receiver", [{"AXIOM_API_TOKEN": "s3cret"}, OTLP], ids=["axiom", "otlp"])
def test_the_engines_processes_get_no_secret_but_the_hub_s(skip: str, receiver: dict[str, str], tmp_path: Path) -> None:
    ours = {"TEXT_API_KEY": "s3cret", "HF_TOKEN": "s3cret", "SENTRY_DSN": "https://s3cret@sentry.example/1", **receiver}
    assert ours.keys() | OTLP.keys() | {"AXIOM_API_TOKEN"} >= SECRETS, "a new one"
    environ = {**CHAT, **ours, "YAP_SKIP_ENV_AUTOCONFIG": skip}
    looked(environ, tmp_path)
    assert {name for name, value in environ.items() if "s3cret" in value} == {"HF_TOKEN"}
