"""What is asked for, put together from command line, environment and record: mode, models, variables. Pure.

Nothing about the models or the machine is known here yet: that is `tooling.run.plan`.
"""

import os.path
from collections.abc import Mapping

from attrs import field, frozen

from runtime.settings import Settings
from runtime.settings import beneath as under
from runtime.settings.sections import FLAGS
from tooling.run.choosing import SLOTS, Choice, UsageProblems, choose
from tooling.run.grammar import ENGINES, Command
from tooling.run.requested import Requested

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
# Compiling for a CPU needs a C++ compiler and minutes, for a model that is small.
CPU_DEFAULTS = {"ENFORCE_EAGER": "1"}


@frozen(kw_only=True)
class Launch:
    """A launch as it was asked for. `environ`: the server's whole environment, secrets included: never print it.

    `target`: cpu, vllm, trt or tool, whose environment of Python it needs; `why`: how the mode was chosen. `added`: the
    names this launch set itself; `demo`: which demo models have to be there (`chat` or `toy`, and `tool`); `made_key`:
    whether the key is one that was made up for this run; `push`: quant, engine or None; `notes`: what to tell.
    `requested`: what a restart starts from.
    """

    target: str
    mode: str
    why: str
    environ: Mapping[str, str] = field(repr=False)
    added: tuple[str, ...]
    demo: tuple[str, ...] = ()
    made_key: bool = False
    push: str | None = None
    notes: tuple[str, ...] = ()
    requested: Requested

    @property
    def slots(self) -> tuple[str, ...]:
        """The model variables of the mode."""
        return SLOTS[self.mode]


def decide(command: Command, environ: Mapping[str, str], made_key: str, recorded: Requested | None = None) -> Launch:
    """What is asked for. `environ`: with what an `--env-file` says; `made_key` is used where no key is set.

    `recorded`: what the launch before this one was asked for, which counts where everything else is silent. Raises
    `UsageError` with everything that does not go together.
    """
    problems = UsageProblems()
    choice = choose(command, environ, recorded, problems)
    beneath = under(environ, recorded.beneath(environ, choice, command)) if recorded else dict(environ)
    added = {
        "DEPLOY_MODE": choice.mode,
        **_models(choice, command, beneath, problems),
        **_words(command, choice, beneath),
    }
    problems.raise_if_any()
    demo = tuple(_demo_kind(slot, choice) for slot in choice.slots if added.get(slot) == PLACEHOLDER)
    requested = Requested.of(choice, {**beneath, **added}, demo)
    added |= _defaults(choice, {**beneath, **added}, made_key)
    return Launch(
        target=choice.target,
        mode=choice.mode,
        why=choice.why,
        environ={**beneath, **added},
        added=tuple(sorted(added)),
        demo=demo,
        made_key="TEXT_API_KEY" in added,
        push=command.push,
        notes=choice.notes,
        requested=requested,
    )


def check(launch: Launch, changed: Mapping[str, str] | None = None) -> Settings:
    """The server's own validation of what it will get. Raises `SettingsError` with every problem."""
    return Settings.from_env({**launch.environ, **(changed or {})})


def _words(command: Command, choice: Choice, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the command line sets, models apart."""
    engine = choice.engine or ENGINES.get(environ.get("INFERENCE_ENGINE", "").strip().lower())
    set_ = {} if engine is None else {"INFERENCE_ENGINE": engine}
    if command.quantisation is not None:
        set_["CHAT_QUANTIZATION"] = command.quantisation
    if command.trust_remote_code:
        set_ |= {f"{slot.partition('_')[0]}_TRUST_REMOTE_CODE": "1" for slot in choice.slots}
    models = ("CHAT_MODEL", "TOOL_MODEL")
    return set_ | {FLAGS[flag].name: value for flag, value in command.flags.items() if FLAGS[flag].name not in models}


def _defaults(choice: Choice, given: Mapping[str, str], made_key: str) -> dict[str, str]:
    defaults = {"MAX_CONCURRENT_CONNECTIONS": DEFAULT_CONNECTIONS, "TEXT_API_KEY": made_key}
    if choice.target == "cpu":
        defaults |= CPU_DEFAULTS
    if given.get("CHAT_MODEL") == PLACEHOLDER:
        # Somebody who sets the length sets lengths that fit together.
        defaults |= DEMO_DEFAULTS | ({} if given.get("CHAT_MAX_LEN", "").strip() else DEMO_LENGTHS)
    return {name: value for name, value in defaults.items() if not given.get(name, "").strip()}


def _demo_kind(slot: str, choice: Choice) -> str:
    if slot == "TOOL_MODEL":
        return "tool"
    return "toy" if choice.toy else "chat"


def _models(choice: Choice, command: Command, environ: Mapping[str, str], problems: UsageProblems) -> dict[str, str]:
    """Model variables of this mode; a revision behind `@` goes into its own variable."""
    flagged = {FLAGS[flag].name: value for flag, value in command.flags.items()}
    chosen: dict[str, str] = {}
    for index, slot in enumerate(choice.slots):
        if index < len(command.models):
            named = command.models[index]
        elif choice.toy and slot == "CHAT_MODEL":
            named = PLACEHOLDER
        else:
            named = flagged.get(slot, "").strip() or environ.get(slot, "").strip()
        if named:
            chosen |= _located(slot, named, problems)
        elif choice.has_demos:
            chosen[slot] = PLACEHOLDER
        else:
            problems.missing(choice, slot)
    return chosen


def _located(slot: str, model: str, problems: UsageProblems) -> dict[str, str]:
    if model == PLACEHOLDER:
        return {slot: model}
    local = os.path.expanduser(model)
    if os.path.isdir(local):  # which no name disturbs, however long or odd
        return {slot: os.path.realpath(local)}
    if model.startswith((".", "/", "~")):
        begins = f"; it is looked for in {os.getcwd()}" if model.startswith(".") else ""
        problems.add(f"{slot} {model!r} is no directory{begins}")  # just moves to the checkout, wherever it is called
    name, _, revision = model.partition("@")
    return {slot: name} | ({f"{slot.partition('_')[0]}_REVISION": revision} if revision else {})


__all__ = ["PLACEHOLDER", "SLOT_OF", "Launch", "check", "decide"]
