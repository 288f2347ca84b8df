"""What a launch was asked for, as it is written down: what `restart` starts from. No secrets, nothing resolved."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field, frozen

from runtime.settings.links import is_service_link
from runtime.settings.sections import FLAGS, VARIABLES
from tooling.run.foreign import is_foreign, is_secret
from tooling.run.grammar import Command

# What belongs to one chat model, and to one quantisation of it.
OF_MODEL = ("CHAT_REVISION", "CHAT_TRUST_REMOTE_CODE", "TRT_ENGINE_DIR", "TRT_CHECKPOINT_DIR")
OF_FORMAT = ("TRT_ENGINE_DIR", "TRT_CHECKPOINT_DIR")
# Asked for once and not again.
ONCE = ("FORCE_REBUILD",)


class Chosen(Protocol):
    """What is written down of a choice."""

    @property
    def target(self) -> str: ...
    @property
    def engine(self) -> str | None: ...
    @property
    def mode(self) -> str: ...
    @property
    def toy(self) -> bool: ...


@frozen(kw_only=True)
class Requested:
    """`target`: cpu, vllm, trt or tool; `engine`: vllm, trt, scripted or None; `variables`: everything that was set."""

    target: str
    engine: str | None = None
    mode: str = ""
    toy: bool = False
    variables: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, choice: Chosen, given: Mapping[str, str], demo: tuple[str, ...]) -> "Requested":
        """`given`: the whole environment before defaults; `demo`: the kinds of models that nobody named."""
        unnamed = {"CHAT_MODEL" if kind != "tool" else "TOOL_MODEL" for kind in demo}
        kept = {name: str(given[name]) for name in sorted(given) if _is_kept(name, given[name]) and name not in unnamed}
        return cls(target=choice.target, engine=choice.engine, mode=choice.mode, toy=choice.toy, variables=kept)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Requested | None":
        """Out of a state file; None where that says nothing of the kind."""
        variables = data.get("variables")
        if not isinstance(data.get("target"), str) or not isinstance(variables, dict):
            return None
        engine = data.get("engine")
        return cls(
            target=data["target"],
            engine=engine if isinstance(engine, str) else None,
            mode=str(data.get("mode", "")),
            toy=data.get("toy") is True,
            variables={str(name): str(value) for name, value in variables.items() if _is_kept(str(name), str(value))},
        )

    def written(self) -> dict[str, Any]:
        """As it stands in a state file."""
        return {
            "target": self.target,
            "engine": self.engine,
            "mode": self.mode,
            "toy": self.toy,
            "variables": dict(self.variables),
            **{name.lower(): self.variables[name] for name in ("CHAT_MODEL", "TOOL_MODEL") if name in self.variables},
        }

    def overruled(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Recorded variables of libraries that are set now, blank or not: to most a blank one means something."""
        return tuple(name for name in self.variables if is_foreign(name) and name in environ)

    def taken(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Recorded variables of libraries that are not set now."""
        return tuple(name for name in self.variables if is_foreign(name) and name not in environ)

    def beneath(self, environ: Mapping[str, str], choice: Chosen, command: Command) -> dict[str, str]:
        """The recorded variables that still mean something beside what is asked for now."""
        now = {FLAGS[flag].name: value for flag, value in command.flags.items()}
        chat = now.get("CHAT_MODEL") or environ.get("CHAT_MODEL", "").strip()
        if command.models and choice.mode != "tool":
            chat = command.models[0]
        quantisation = command.quantisation or environ.get("CHAT_QUANTIZATION", "").strip()
        kept = {name: value for name, value in self.variables.items() if name not in (*ONCE, *self.overruled(environ))}
        kept.pop("INFERENCE_ENGINE", None)
        if choice.toy:
            kept.pop("CHAT_MODEL", None)
        dropped: tuple[str, ...] = ()
        if chat and chat != kept.get("CHAT_MODEL"):
            dropped = OF_MODEL
        elif quantisation and quantisation != kept.get("CHAT_QUANTIZATION", "auto"):
            dropped = OF_FORMAT
        tool = command.models[-1] if command.models and choice.mode == "tool" else now.get("TOOL_MODEL")
        if tool and tool != kept.get("TOOL_MODEL"):
            dropped = (*dropped, "TOOL_REVISION", "TOOL_TRUST_REMOTE_CODE")
        return {name: value for name, value in kept.items() if name not in dropped}


def _is_kept(name: str, value: str) -> bool:
    """Of what was set, what may be written down."""
    if not value.strip() or is_service_link(value):
        return False
    if name in VARIABLES:
        return not VARIABLES[name].secret
    return is_foreign(name) and not is_secret(name, value)


__all__ = ["Requested"]
