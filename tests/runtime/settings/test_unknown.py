"""Names that look like ours."""

import pytest

from runtime.settings.unknown import unknown_variables


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("WS_IDEL_TIMEOUT_S", "WS_IDEL_TIMEOUT_S: unknown variable (did you mean WS_IDLE_TIMEOUT_S?)"),
        ("CHAT_TEMPRATURE", "CHAT_TEMPRATURE: unknown variable (did you mean CHAT_TEMPERATURE?)"),
        ("TOOL_MODELL", "TOOL_MODELL: unknown variable (did you mean TOOL_MODEL?)"),
        ("YAP_HOMES", "YAP_HOMES: unknown variable (did you mean YAP_HOME?)"),
        ("TRT_", "TRT_: unknown variable"),
        ("CHAT_PORT", "CHAT_PORT: unknown variable"),
        ("CHAT_\n", "'CHAT_\\n': unknown variable"),
    ],
)
def test_an_unknown_name_under_our_prefixes_is_a_problem(name: str, line: str) -> None:
    (problem,) = unknown_variables({name: "1"})
    assert str(problem).startswith(line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_SERVICE_HOST", "10.0.0.1"),
        ("CHAT_SERVICE_PORT", "80"),
        ("CHAT_SERVICE_PORT_HTTP", "80"),
        ("CHAT_PORT", "tcp://10.0.0.1:80"),
        ("CHAT_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("CHAT_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("CHAT_PORT", "sctp://10.0.0.1:80"),
        ("TOOL_SERVER_PORT_53_UDP_PROTO", "udp"),
        ("TRT_VERSION", "10.1"),
        ("TRT_LLM_COMMIT", "abc"),
        ("SENTRY_UNKNOWN", "x"),
        ("VLLM_LOGGING_LEVEL", "INFO"),
        ("chat_model", "x"),
        ("CHAT_OLD", ""),
        ("CHAT_OLD", " "),
        ("TOOL_WS_MESSAGE_WINDOW_SECONDS", "5"),
    ],
)
def test_what_platforms_inject_and_other_peoples_names_are_let_through(name: str, value: str) -> None:
    assert list(unknown_variables({name: value})) == []
