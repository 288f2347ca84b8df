"""Which environment, engine and mode a launch is for, and what on its command line does not go together. Pure."""

from collections.abc import Mapping

from attrs import define, field, frozen

from runtime.settings.sections import FLAGS
from tooling.refusal import UsageError
from tooling.run.grammar import ENGINES, MODES, Command
from tooling.run.requested import Requested

SLOTS = {"chat": ("CHAT_MODEL",), "tool": ("TOOL_MODEL",), "both": ("CHAT_MODEL", "TOOL_MODEL")}
EXAMPLES = {
    "chat": "Qwen/Qwen2.5-7B-Instruct",
    "tool": "org/tool-model",
    "both": "Qwen/Qwen2.5-7B-Instruct org/tool-model",
}
RECIPES = {"cpu": "just run", "vllm": "just run-vllm", "trt": "just run-trt", "tool": "just run-tool"}
DEFAULT_ENGINE = "trt"


@frozen(kw_only=True)
class Choice:
    """What is launched. `target`: cpu, vllm, trt, or tool without an engine; `engine`: what to set as one, None leaves
    it to the settings; `why`: how the mode was chosen.
    """

    target: str
    engine: str | None
    mode: str
    why: str
    toy: bool = False
    notes: tuple[str, ...] = ()

    @property
    def slots(self) -> tuple[str, ...]:
        """The model variables of the mode."""
        return SLOTS[self.mode]

    @property
    def has_demos(self) -> bool:
        """Whether a small model takes the place of one that is not named."""
        return self.target in ("cpu", "tool")

    def example(self, *models: str) -> str:
        """A command line that is correct."""
        if self.mode == "tool":
            return f"just run-tool {' '.join(models) or EXAMPLES['tool']}"
        return f"{RECIPES[self.target]} {self.mode} {' '.join(models) or EXAMPLES[self.mode]}"


@define
class UsageProblems:
    """Everything that is wrong with a command line, collected."""

    _found: list[str] = field(factory=list)

    def add(self, text: str) -> None:
        """One sentence that says what to write."""
        self._found.append(text)

    def missing(self, choice: Choice, slot: str) -> None:
        """A model that the mode needs and nobody named."""
        self.add(f"mode {choice.mode} ({choice.why}) needs {slot}, for example: {choice.example()}")

    def raise_if_any(self) -> None:
        """Raises `UsageError` with all of them, one a line."""
        if self._found:
            raise UsageError("\n".join(self._found))


def choose(command: Command, environ: Mapping[str, str], recorded: Requested | None, problems: UsageProblems) -> Choice:
    """Read off command line, environment and record, in this order of weight."""
    mode, why = _mode(command, environ, recorded, problems)
    toy = command.toy or _is_toy_again(command, environ, recorded)
    if mode == "tool":
        choice = _without_engine(command, environ, recorded, why)
    else:
        target, engine = _engine(command, environ, recorded)
        choice = Choice(target=target, engine=engine, mode=mode, why=why, toy=toy)
    _complain(command, choice, problems)
    return choice


def _mode(
    command: Command, environ: Mapping[str, str], recorded: Requested | None, problems: UsageProblems
) -> tuple[str, str]:
    if command.mode is not None:
        return command.mode, "as asked"
    wanted = environ.get("DEPLOY_MODE", "").strip().lower()
    if wanted in MODES:
        return wanted, "DEPLOY_MODE"
    if wanted:
        problems.add(f"DEPLOY_MODE={wanted!r} is not one of {', '.join(MODES)}")
    if len(command.models) == 2:
        return "both", "two models"
    if recorded and recorded.mode in MODES:
        return recorded.mode, "as before"
    return "chat", "one model" if command.models else "default"


def _engine(command: Command, environ: Mapping[str, str], recorded: Requested | None) -> tuple[str, str | None]:
    """Target and engine of a launch with a chat."""
    if command.engine == "scripted":
        return "cpu", "scripted"
    if command.engine == "vllm" and command.cpu and command.engine_word != "--vllm":
        return "cpu", "vllm"
    if command.engine is not None:
        return command.engine, command.engine
    if command.cpu:
        return "cpu", "vllm"
    wanted = environ.get("INFERENCE_ENGINE", "").strip().lower()
    if wanted in ENGINES:
        engine = ENGINES[wanted]
        if engine == "scripted" or (recorded and recorded.target == "cpu" and engine == "vllm"):
            return "cpu", engine
        return engine, engine
    if wanted:
        return DEFAULT_ENGINE, None  # the settings say what is wrong with it
    if recorded and recorded.target in ("cpu", "vllm", "trt"):
        return recorded.target, recorded.engine or ("vllm" if recorded.target == "cpu" else recorded.target)
    return DEFAULT_ENGINE, DEFAULT_ENGINE


def _without_engine(command: Command, environ: Mapping[str, str], recorded: Requested | None, why: str) -> Choice:
    ignored = environ.get("INFERENCE_ENGINE", "").strip()
    note = f"INFERENCE_ENGINE={ignored} is ignored: mode tool has no chat engine"
    is_cpu = command.cpu or (recorded is not None and recorded.target == "cpu")
    return Choice(
        target="cpu" if is_cpu else "tool",
        engine=None,
        mode="tool",
        why=why,
        notes=(note,) if ignored else (),
    )


def _is_toy_again(command: Command, environ: Mapping[str, str], recorded: Requested | None) -> bool:
    names_chat = command.models or environ.get("CHAT_MODEL", "").strip() or _flagged(command, "CHAT_MODEL")
    return recorded is not None and recorded.toy and not names_chat


def _complain(command: Command, choice: Choice, problems: UsageProblems) -> None:
    named = " ".join(command.models)
    if choice.mode == "tool" and command.engine_word:
        problems.add(
            f"{command.engine_word}: mode tool ({choice.why}) has no chat engine; leave it away: "
            f"just run-tool {named or EXAMPLES['tool']}"
        )
    if choice.mode == "tool" and command.quantisation not in (None, "auto", "none"):
        problems.add(f"{command.quantisation}: the tool model runs in float precision; leave it away")
    if choice.mode == "tool" and command.push:
        problems.add(f"--push-{command.push}: in mode tool ({choice.why}) nothing is quantised that could be pushed")
    if command.push == "engine" and choice.target in ("cpu", "vllm"):
        problems.add("--push-engine: vLLM has no compiled engines; --push-quant uploads its export")
    if len(command.models) > len(choice.slots):
        problems.add(_too_many(command, choice))
    if command.toy and (choice.target != "cpu" or choice.mode == "tool"):
        problems.add("--toy is the chat model of a launch on the CPU: just run --toy")
    elif command.toy and (command.models or _flagged(command, "CHAT_MODEL")):
        problems.add("--toy takes the place of the chat model, and one is named: leave one of them away")


def _too_many(command: Command, choice: Choice) -> str:
    """With two models and a mode for one, both readings."""
    first, count = command.models[0], len(command.models)
    recipe = RECIPES[choice.target] if choice.target != "tool" else "just run"
    return (
        f"mode {choice.mode} ({choice.why}) takes one model, got {count}: {', '.join(command.models)}. For both of "
        f"them: {recipe} both {' '.join(command.models[:2])}; for the first alone: {choice.example(first)}"
    )


def _flagged(command: Command, variable: str) -> bool:
    return any(FLAGS[flag].name == variable for flag in command.flags)


__all__ = ["EXAMPLES", "RECIPES", "SLOTS", "Choice", "UsageProblems", "choose"]
