"""What a launch tells its user: the plan, and how to talk to the server."""

import json

from runtime.listening import reachable
from runtime.settings import Settings
from tooling.demo.smollm2 import NAME
from tooling.run.plan import PLACEHOLDER, SLOT_OF, Launch

DEFAULT_PORT = 8000
DEMO = {"chat": NAME, "toy": "a toy, whose words mean nothing", "tool": "the demo model"}
ENGINES = {"vllm": "vLLM on the GPU", "trt": "TensorRT-LLM on the GPU"}


def banner(launch: Launch, settings: Settings) -> str:
    """The lines printed before the server takes over. Holds the key only if it was made up for this run."""
    deployment = settings.deployment
    host = reachable(deployment.server_bind_host)
    port = str(deployment.server_port) if deployment.server_port else "PORT"
    lines = [
        f"  mode     {launch.mode} ({launch.why})",
        f"  engine   {_engine(launch, settings)}",
        *(f"  {kind:<8} {_model(launch, kind, model)}" for kind, model in _models(settings) if model),
        f"  address  ws://{host}:{port}/ws"
        + ("" if deployment.server_port else "  (PORT is in the server's first lines)"),
    ]
    key = "..."
    if launch.made_key:
        key = deployment.api_keys[0].reveal()
        lines.append(f"  key      {key}  (made up for this run; TEXT_API_KEY sets your own)")
    else:
        lines.append("  key      the one in TEXT_API_KEY")
    server = "" if port == str(DEFAULT_PORT) and host == "127.0.0.1" else f" --server {host}:{port}"
    return "\n".join(
        [*lines, "", "In a second terminal, once it says it is ready:", f"  TEXT_API_KEY={key} just live{server}", ""]
    )


def as_json(launch: Launch, settings: Settings) -> str:
    """The plan as one JSON document, without secrets."""
    hidden = {"TEXT_API_KEY"}
    plan = {
        "target": launch.target,
        "mode": launch.mode,
        "mode_because": launch.why,
        "demo_models": list(launch.demo),
        "environment": {name: "set" if name in hidden else launch.environ[name] for name in launch.added},
        "host": settings.deployment.server_bind_host,
        "port": settings.deployment.server_port,
    }
    return json.dumps(plan, indent=1)


def _engine(launch: Launch, settings: Settings) -> str:
    if launch.mode == "tool":
        return "none: the tool model alone"
    name = settings.deployment.inference_engine.value
    if name == "vllm" and launch.target == "cpu":
        return "vLLM on the CPU"
    compiled = settings.trt.engine_dir if name == "trt" else None
    return ENGINES.get(name, name) + (f", compiled engine {compiled}" if compiled else "")


def _model(launch: Launch, kind: str, model: str) -> str:
    demo = next((one for one in launch.demo if SLOT_OF[one] == f"{kind.upper()}_MODEL"), None)
    if demo is None:
        return model
    return DEMO[demo] if model == PLACEHOLDER else f"{DEMO[demo]}, {model}"


def _models(settings: Settings) -> tuple[tuple[str, str | None], ...]:
    mode = settings.deployment.deploy_mode.value
    chat = settings.deployment.chat_model if mode != "tool" else None
    tool = settings.deployment.tool_model if mode != "chat" else None
    return ("chat", chat), ("tool", tool)


__all__ = ["as_json", "banner"]
