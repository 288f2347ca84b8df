"""From environment and flags to one object, or to one error with every problem in it."""

from pathlib import Path

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.settings import DeployMode, EngineName, Secret, Settings, SettingsError, Source
from runtime.settings.kinds import Url
from runtime.settings.reading import read
from runtime.settings.sections import FIELDS, FLAGS, SECTION_CLASSES, TITLES, VARIABLES, Sections
from runtime.settings.variable import Fixed, Variable

LEAST = {"TEXT_API_KEY": "k1,k2", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name", "HOME": "/home/me"}


def problems(environ: dict[str, str], flags: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        Settings.from_env(environ, flags)
    assert str(error.value).splitlines()[1:] == [f"  {problem}" for problem in error.value.problems]
    return [str(problem) for problem in error.value.problems]


def test_the_required_variables_are_enough() -> None:
    settings = Settings.from_env(LEAST)
    assert settings.deployment.api_keys == (Secret("k1"), Secret("k2"))
    assert settings.deployment.deploy_mode is DeployMode.CHAT
    assert settings.deployment.inference_engine is EngineName.TRT
    assert settings.connections.idle_timeout_s == 150
    assert settings.warnings == ()


def test_a_report_has_every_problem_on_a_line_of_its_own() -> None:
    environ = {
        "DEPLOY_MODE": "chatt",
        "WS_IDEL_TIMEOUT_S": "5",
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "CHAT_MODEL": "owner/name",
    }
    with pytest.raises(SettingsError) as error:
        Settings.from_env(environ)
    assert str(error.value) == (
        "settings: 3 problems\n"
        "  TEXT_API_KEY: required, not set\n"
        "  DEPLOY_MODE: 'chatt' is not one of chat, tool, both (did you mean 'chat'?)\n"
        "  WS_IDEL_TIMEOUT_S: unknown variable (did you mean WS_IDLE_TIMEOUT_S?)"
    )
    assert error.value.exit_status == 3


def test_one_problem_is_counted_as_one() -> None:
    with pytest.raises(SettingsError, match=r"^settings: 1 problem\n"):
        Settings.from_env(LEAST | {"SERVER_PORT": "x"})


def test_values_are_trimmed_and_an_empty_one_counts_as_unset() -> None:
    settings = Settings.from_env(LEAST | {"SERVER_PORT": " 9000\t", "WS_IDLE_TIMEOUT_S": "  ", "CHAT_UNKNOWN": " "})
    assert settings.deployment.server_port == 9000
    assert settings.connections.idle_timeout_s == 150
    assert settings.sources["WS_IDLE_TIMEOUT_S"] is Source.DEFAULT
    assert "TEXT_API_KEY: required, not set" in problems(LEAST | {"TEXT_API_KEY": " "})


def test_a_flag_wins_over_the_environment_and_each_value_knows_its_source() -> None:
    settings = Settings.from_env(LEAST | {"SERVER_PORT": "1", "GEN_TIMEOUT_S": "5"}, {"--port": "9000", "--host": ""})
    assert settings.deployment.server_port == 9000
    assert settings.deployment.server_bind_host == "0.0.0.0"
    assert settings.sources["SERVER_PORT"] is Source.FLAG
    assert settings.sources["GEN_TIMEOUT_S"] is Source.ENVIRONMENT
    assert settings.sources["SERVER_BIND_HOST"] is Source.DEFAULT
    assert settings.sources.keys() == VARIABLES.keys()


def test_a_problem_of_a_flag_names_flag_and_variable() -> None:
    assert problems(LEAST, {"--port": "x"}) == ["SERVER_PORT (--port): 'x' is not an int 0..65535"]
    assert problems(LEAST, {"--server-port": "x"}) == ["SERVER_PORT (--server-port): 'x' is not an int 0..65535"]


def test_an_unknown_flag_is_refused_with_the_nearest_one() -> None:
    assert problems(LEAST, {"--prot": "1"}) == ["--prot: unknown flag (did you mean --port?)"]


def test_secrets_are_not_taken_from_the_command_line_nor_shown() -> None:
    (line,) = problems(LEAST, {"--text-api-key": "hunter2"})
    assert "set TEXT_API_KEY in the environment" in line
    assert "hunter2" not in line
    (line,) = problems(LEAST | {"TEXT_API_KEY": "hunter2,,x"})
    assert "hunter2" not in line


def test_a_key_inside_an_address_is_not_shown() -> None:
    (line,) = problems(LEAST | {"SERVER_WS_URL": "http://me:hunter2@host/ws?api_key=hunter2"})
    assert "hunter2" not in line


def test_a_refused_value_stays_on_one_short_line() -> None:
    (line,) = problems(LEAST | {"APP_LOG_LEVEL": "a\n" * 5000})
    assert "\n" not in line
    assert len(line) < 300


def test_a_problem_that_only_follows_from_another_is_not_reported() -> None:
    assert problems(LEAST | {"CHAT_MAX_OUT": "x", "CHAT_MAX_LEN": "100"}) == ["CHAT_MAX_OUT: 'x' is not an int >= 1"]
    assert problems({k: v for k, v in LEAST.items() if k != "CHAT_MODEL"} | {"DEPLOY_MODE": "?"}) == [
        "DEPLOY_MODE: '?' is not one of chat, tool, both"
    ]


@pytest.mark.parametrize("link", ["tcp://10.43.1.2:8000", " udp://10.43.1.2:53 ", "TCP://[fd00::2]:8000"])
@pytest.mark.parametrize(
    "variable", [v for v in VARIABLES.values() if not isinstance(v.kind, Url)], ids=lambda v: v.name
)
def test_a_service_link_counts_as_unset_with_one_warning(variable: Variable, link: str) -> None:
    without = {name: value for name, value in LEAST.items() if name != variable.name}
    reading, unset = read({**without, variable.name: link}, {}), read(without, {})
    (warning,) = reading.warnings
    assert warning.startswith(f"{variable.name} is ignored: ")
    assert (link.strip() in warning) is not variable.secret
    assert reading.problems == unset.problems
    assert reading.sections == unset.sections


def test_an_address_and_a_flag_are_no_service_links() -> None:
    (line,) = problems(LEAST | {"AXIOM_TRACES_ENDPOINT": "tcp://h:1"})
    assert line.startswith("AXIOM_TRACES_ENDPOINT: 'tcp://h:1' is not a http or https URL")
    (line,) = problems(LEAST, {"--port": "tcp://h:1"})
    assert line.startswith("SERVER_PORT (--port): 'tcp://h:1' is not an int")
    assert Settings.from_env(LEAST | {"SERVER_PORT": "tcp://h:1"}, {"--port": "9"}).deployment.server_port == 9


def test_the_home_directory_is_expanded_in_paths_alone() -> None:
    settings = Settings.from_env(LEAST | {"HF_HOME": "~/hf", "SENTRY_RELEASE": "~/x", "YAP_LOG_FILE": "~"})
    assert settings.deployment.hf_home == Path("/home/me/hf")
    assert settings.deployment.yap_home == Path("/home/me/.cache/yap")
    assert settings.logs.yap_log_file == Path("/home/me")
    assert settings.telemetry.sentry_release == "~/x"


def test_a_relative_export_directory_lies_under_the_projects_own() -> None:
    at_home = LEAST | {"YAP_HOME": "/data"}
    assert Settings.from_env(at_home).quantising.awq_cache_dir == Path("/data/quant")
    assert Settings.from_env(at_home | {"AWQ_CACHE_DIR": "q/x"}).quantising.awq_cache_dir == Path("/data/q/x")
    assert Settings.from_env(at_home | {"AWQ_CACHE_DIR": "/q"}).quantising.awq_cache_dir == Path("/q")


@pytest.mark.parametrize(
    ("environ", "variable", "value"),
    [
        ({"CHAT_MAX_LEN": "4000"}, "PROMPT_SANITIZE_MAX_CHARS", 24000),
        ({"WS_MAX_MESSAGES_PER_WINDOW": "7"}, "WS_MAX_CANCELS_PER_WINDOW", 7),
        ({"WS_MESSAGE_WINDOW_SECONDS": "7.5"}, "WS_CANCEL_WINDOW_SECONDS", 7.5),
        ({"CHAT_MAX_LEN": "4000", "CHAT_MAX_OUT": "100"}, "TRT_CALIB_SEQLEN", 4100),
        ({"CHAT_MAX_LEN": "4000"}, "TRT_MAX_INPUT_LEN", 4000),
        ({"CHAT_MAX_OUT": "100"}, "TRT_MAX_OUTPUT_LEN", 100),
        ({}, "CHAT_GPU_FRAC", 0.90),
        ({"DEPLOY_MODE": "both", "TOOL_MODEL": "o/t"}, "CHAT_GPU_FRAC", 0.70),
        ({"DEPLOY_MODE": "both", "TOOL_MODEL": "o/t"}, "TOOL_GPU_FRAC", 0.20),
        ({"DEPLOY_MODE": "both", "TOOL_MODEL": "o/t"}, "TRT_KV_FREE_GPU_FRAC", 0.70),
        ({"DEPLOY_MODE": "tool", "TOOL_MODEL": "o/t"}, "TOOL_GPU_FRAC", 0.90),
        ({"CHAT_GPU_FRAC": "0.5"}, "TRT_KV_FREE_GPU_FRAC", 0.5),
        ({"ENGINE_START_TIMEOUT_S": "100"}, "READY_TIMEOUT_S", 160),
        ({"WS_IDLE_TIMEOUT_S": "9"}, "IDLE_EXPECT_SECONDS", 9),
        ({}, "TRT_ENGINE_REPO", "owner/name"),
        ({}, "CHAT_TENSOR_PARALLEL", None),
        ({"INFERENCE_ENGINE": "vllm"}, "CHAT_TENSOR_PARALLEL", 1),
        ({"INFERENCE_ENGINE": "vllm"}, "CHAT_PIPELINE_PARALLEL", 1),
        ({"VLLM_ATTENTION_BACKEND": "Auto"}, "VLLM_ATTENTION_BACKEND", None),
        ({"VLLM_ATTENTION_BACKEND": "FLASHINFER"}, "VLLM_ATTENTION_BACKEND", "FLASHINFER"),
        ({"GPU_SM_ARCH": "9.0"}, "GPU_SM_ARCH", "sm90"),
        ({}, "TOOL_MAX_LENGTH", None),
        ({}, "ENGINE_MAX_QUEUED", None),
    ],
)
def test_a_default_follows_the_variables_it_depends_on(environ: dict[str, str], variable: str, value: object) -> None:
    assert value_of(Settings.from_env(LEAST | environ), variable) == value


def value_of(settings: Sections, name: str) -> object:
    for section, fields in FIELDS.items():
        for field, variable in fields.items():
            if variable.name == name:
                return getattr(getattr(settings, section), field)
    raise KeyError(name)


@pytest.mark.parametrize(
    "variable", [v for v in VARIABLES.values() if isinstance(v.default, Fixed)], ids=lambda v: v.name
)
def test_a_default_that_is_set_by_hand_changes_nothing(variable: Variable) -> None:
    by_hand = Settings.from_env(LEAST | {variable.name: variable.default_text})
    assert value_of(by_hand, variable.name) == value_of(Settings.from_env(LEAST), variable.name)


def test_every_field_is_one_variable_and_every_section_has_a_title() -> None:
    assert sum(len(attrs.fields(group)) for group in SECTION_CLASSES.values()) == len(VARIABLES)
    assert [field.name for field in attrs.fields(Sections)] == list(SECTION_CLASSES) == list(TITLES)


def test_no_flag_sets_two_variables_and_no_secret_has_one() -> None:
    public = [v for v in VARIABLES.values() if not v.secret]
    assert len(FLAGS) == sum(1 + len(v.flags) for v in public)


def test_a_setting_cannot_be_changed() -> None:
    settings = Settings.from_env(LEAST)
    for part, field in ((settings, "chat"), (settings.deployment, "server_port")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(part, field, None)


ODD_VALUES = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["1", "0", "both", "tool", "vllm", "trt", "a/b", "fp8", "none", "~", "~x", "tcp://h", "ws://h"]),
)
ODD_NAMES = st.one_of(
    st.sampled_from([*VARIABLES, "HOME"]),
    st.text(max_size=12),
    st.builds(str.__add__, st.sampled_from(["YAP_", "CHAT_", "TOOL_", "TRT_", "WS_"]), st.text(max_size=12)),
)


@example({"HOME": "\0"}, {}, False)
@given(
    st.dictionaries(ODD_NAMES, ODD_VALUES, max_size=12),
    st.dictionaries(st.one_of(st.sampled_from(list(FLAGS)), st.text(max_size=8)), ODD_VALUES, max_size=4),
    st.booleans(),
)
def test_no_environment_raises_anything_but_a_settings_error(
    environ: dict[str, str], flags: dict[str, str], complete: bool
) -> None:
    try:
        shown = repr(Settings.from_env(LEAST | environ if complete else environ, flags))
    except SettingsError as error:
        shown = str(error)
    assert shown
