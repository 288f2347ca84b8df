"""The sections side by side, and what is known about all variables from their description alone."""

from collections.abc import Iterable, Mapping

import attrs
from attrs import frozen

from runtime.settings.groups import (
    Chat,
    Clients,
    Connections,
    Deployment,
    Engine,
    Logs,
    Quantising,
    Sanitize,
    Telemetry,
    Tools,
    Trt,
    Vllm,
)
from runtime.settings.variable import Variable, variables_of


@frozen(kw_only=True)
class Sections:
    """Every variable's value, by section. The order here is that of the report, the table and the documentation."""

    deployment: Deployment
    connections: Connections
    chat: Chat
    sanitize: Sanitize
    tools: Tools
    engine: Engine
    vllm: Vllm
    trt: Trt
    quantising: Quantising
    logs: Logs
    telemetry: Telemetry
    clients: Clients


SECTION_CLASSES: Mapping[str, type[attrs.AttrsInstance]] = {
    "deployment": Deployment,
    "connections": Connections,
    "chat": Chat,
    "sanitize": Sanitize,
    "tools": Tools,
    "engine": Engine,
    "vllm": Vllm,
    "trt": Trt,
    "quantising": Quantising,
    "logs": Logs,
    "telemetry": Telemetry,
    "clients": Clients,
}
TITLES: Mapping[str, str] = {
    "deployment": "Deployment",
    "connections": "Connections",
    "chat": "Prompt, history, generation, sampling",
    "sanitize": "Spoken text",
    "tools": "Tool routing",
    "engine": "Chat engine",
    "vllm": "vLLM",
    "trt": "TensorRT-LLM",
    "quantising": "Quantising for vLLM, pushing",
    "logs": "Logs, launching",
    "telemetry": "Telemetry",
    "clients": "Clients",
}
FIELDS: Mapping[str, Mapping[str, Variable]] = {name: variables_of(cls) for name, cls in SECTION_CLASSES.items()}
VARIABLES: Mapping[str, Variable] = {
    variable.name: variable for fields in FIELDS.values() for variable in fields.values()
}


def own_flag(name: str) -> str:
    """The flag every variable has: `WS_IDLE_TIMEOUT_S` is `--ws-idle-timeout-s`."""
    return f"--{name.lower().replace('_', '-')}"


def _flags(variables: Iterable[Variable]) -> Mapping[str, Variable]:
    return {
        flag: variable
        for variable in variables
        if not variable.secret  # a command line can be read by every user of the machine
        for flag in (own_flag(variable.name), *variable.flags)
    }


FLAGS: Mapping[str, Variable] = _flags(VARIABLES.values())

__all__ = ["FIELDS", "FLAGS", "SECTION_CLASSES", "TITLES", "VARIABLES", "Sections", "own_flag"]
