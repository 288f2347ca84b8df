"""What a launch will do, decided before anything is touched: mode, models, and the server's environment. Pure."""

import os.path
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from runtime.settings import Settings
from runtime.settings.sections import FLAGS
from tooling.run.grammar import Command, UsageError

SLOTS = {"chat": ("CHAT_MODEL",), "tool": ("TOOL_MODEL",), "both": ("CHAT_MODEL", "TOOL_MODEL")}
# Stands for a demo model that is not made yet, so that every other setting is checked before anything is fetched.
PLACEHOLDER = "demo/not-made-yet"
SLOT_OF = {"chat": "CHAT_MODEL", "toy": "CHAT_MODEL", "tool": "TOOL_MODEL"}
# A small model keeps to the point only at a low temperature, and there it repeats itself without a penalty. A client
# that asks for other values gets them.
DEMO_DEFAULTS = {"CHAT_TEMPERATURE": "0.2", "CHAT_REPETITION_PENALTY": "1.05"}
# Both demo chat models have 8,192 positions. A small vocabulary makes more tokens of the same prompt: 5,000 characters
# are 1,200 tokens in English, 3,700 in Russian. History, utterance and reply at their defaults fit in as well.
DEMO_LENGTHS = {"CHAT_MAX_LEN": "8192", "CHAT_PROMPT_MAX_TOKENS": "4000"}
DEFAULT_CONNECTIONS = "8"
EXAMPLES = {
    "chat": "Qwen/Qwen2.5-7B-Instruct",
    "tool": "org/tool-model",
    "both": "Qwen/Qwen2.5-7B-Instruct org/tool-model",
}
ENGINES = {"cpu": "vllm", "vllm": "vllm", "trt": "trt"}


@frozen(kw_only=True)
class Launch:
    """A decided launch. `environ`: the server's whole environment, secrets included: never print it.

    `added`: the names this launch set itself; `demo`: which demo models have to be there (`chat` or `toy`, and
    `tool`); `made_key`: whether the key is one that was made up for this run.
    """

    target: str
    mode: str
    why: str
    environ: Mapping[str, str] = field(repr=False)
    added: tuple[str, ...]
    demo: tuple[str, ...]
    made_key: bool


def plan(command: Command, environ: Mapping[str, str], made_key: str) -> Launch:
    """Decide. `made_key` is used where no key is set. Raises `UsageError`."""
    mode, why = _mode(command, environ)
    if mode == "tool" and command.target == "trt":
        raise UsageError(
            f"mode tool ({why}) has no chat engine: just run-tool {' '.join(command.models) or 'org/model'}"
        )
    _refuse_other_engine(command)
    _refuse_toy(command, mode)
    models = _models(command, mode, environ)
    added: dict[str, str] = {"DEPLOY_MODE": mode, **models}
    if mode != "tool" and not _flagged(command, "INFERENCE_ENGINE"):
        added["INFERENCE_ENGINE"] = ENGINES[command.target]
    if command.quantisation is not None:
        added["CHAT_QUANTIZATION"] = command.quantisation
    if command.trust_remote_code:
        added |= {f"{slot.partition('_')[0]}_TRUST_REMOTE_CODE": "1" for slot in SLOTS[mode]}
    added |= {FLAGS[flag].name: value for flag, value in command.flags.items()}
    defaults = {"MAX_CONCURRENT_CONNECTIONS": DEFAULT_CONNECTIONS, "TEXT_API_KEY": made_key}

    def is_free(name: str) -> bool:
        return not environ.get(name, "").strip() and name not in added

    if command.target == "cpu":
        defaults["ENFORCE_EAGER"] = (
            "1"  # compiling for a CPU needs a C++ compiler and minutes, for a model that is small
        )
    demo = tuple(_demo_kind(slot, command) for slot, model in models.items() if model == PLACEHOLDER)
    if models.get("CHAT_MODEL") == PLACEHOLDER:
        # Somebody who sets the length sets lengths that fit together.
        defaults |= DEMO_DEFAULTS | (DEMO_LENGTHS if is_free("CHAT_MAX_LEN") else {})
    added |= {name: value for name, value in defaults.items() if is_free(name)}
    return Launch(
        target=command.target,
        mode=mode,
        why=why,
        environ={**environ, **added},
        added=tuple(sorted(added)),
        demo=demo,
        made_key="TEXT_API_KEY" in added,
    )


def with_demo(launch: Launch, made: Mapping[str, Path]) -> Launch:
    """The launch with the real places of the demo models that were made; `toy` may have come for `chat`."""
    slots = {SLOT_OF[kind]: str(place) for kind, place in made.items()}
    return evolve(launch, environ={**launch.environ, **slots}, demo=tuple(made))


def check(launch: Launch) -> Settings:
    """The server's own validation of what it will get. Raises `SettingsError` with every problem."""
    return Settings.from_env(launch.environ)


def _flagged(command: Command, variable: str) -> bool:
    return any(FLAGS[flag].name == variable for flag in command.flags)


def _refuse_other_engine(command: Command) -> None:
    """Each recipe brings one library; `--engine` can only ask for that one, or for the stand-in of tests."""
    for flag, value in command.flags.items():
        other = value.strip().lower()
        if FLAGS[flag].name == "INFERENCE_ENGINE" and other in ENGINES.values() and other != ENGINES[command.target]:
            raise UsageError(f"{flag} {value}: that is another recipe, just run-{other}")


def _refuse_toy(command: Command, mode: str) -> None:
    """Raises `UsageError` where `--toy` has no place or no use."""
    if command.toy and (command.target != "cpu" or mode == "tool"):
        raise UsageError("--toy is the chat model of a launch on the CPU: just run --toy")
    if command.toy and (command.models or _flagged(command, "CHAT_MODEL")):
        raise UsageError("--toy takes the place of the chat model, and one is named: leave one of them away")


def _mode(command: Command, environ: Mapping[str, str]) -> tuple[str, str]:
    if command.mode is not None:
        return command.mode, "as asked"
    wanted = environ.get("DEPLOY_MODE", "").strip().lower()
    if wanted in SLOTS:
        return wanted, "DEPLOY_MODE"
    if wanted:
        raise UsageError(f"DEPLOY_MODE={wanted!r} is not one of {', '.join(SLOTS)}")
    return ("both", "two models") if len(command.models) == 2 else ("chat", "default")


def _demo_kind(slot: str, command: Command) -> str:
    if slot == "TOOL_MODEL":
        return "tool"
    return "toy" if command.toy else "chat"


def _models(command: Command, mode: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Model variables of this mode; a revision behind `@` goes into its own variable."""
    slots = SLOTS[mode]
    if len(command.models) > len(slots):
        both = f"; for two models: just run both {' '.join(command.models)}" if len(command.models) == 2 else ""
        raise UsageError(
            f"mode {mode} takes {len(slots)} model, got {len(command.models)}: {', '.join(command.models)}{both}"
        )
    chosen: dict[str, str] = {}
    for index, slot in enumerate(slots):
        if index < len(command.models):
            chosen |= _located(slot, command.models[index])
        elif command.toy and slot == "CHAT_MODEL":
            chosen[slot] = PLACEHOLDER
        elif not (environ.get(slot, "").strip() or _flagged(command, slot)):
            if command.target != "cpu":
                raise UsageError(
                    f"mode {mode} needs {slot}, for example: just run-{command.target} {mode} {EXAMPLES[mode]}"
                )
            chosen[slot] = PLACEHOLDER
    return chosen


def _located(slot: str, model: str) -> dict[str, str]:
    local = Path(os.path.expanduser(model))
    if local.is_dir():
        return {slot: str(local.resolve())}
    if model.startswith((".", "/", "~")):
        raise UsageError(f"{model!r} is no directory here")
    name, _, revision = model.partition("@")
    return {slot: name} | ({f"{slot.partition('_')[0]}_REVISION": revision} if revision else {})


__all__ = ["PLACEHOLDER", "SLOT_OF", "Launch", "check", "plan", "with_demo"]
