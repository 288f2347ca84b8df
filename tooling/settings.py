"""Print the effective settings with their sources, or the page that documents them."""

import io
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from runtime.settings import SettingsError, beneath, read_env_file, report, split_flags
from runtime.settings.kinds import CloseCode, Flag, Float, Int, masked
from runtime.settings.reading import Reading, Source, read
from runtime.settings.sections import FIELDS, SECTION_CLASSES, TITLES, VARIABLES
from runtime.settings.variable import Fixed, Variable
from tooling import usage

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
DESCRIPTION = """Print the effective settings with their sources, or the page that documents them.

Any variable can also be given as a flag, which wins over the environment: --ws-idle-timeout-s 60."""
CODES = "0 all is well, 1 the page is stale (--check), 2 usage, 3 settings refused, every problem on stderr"

HEAD = """# Settings

Every environment variable of the project. This page is written by `python -m tooling.settings --docs` from the same
description that reads the variables; a check fails when it is stale. `just settings` prints the values in effect and
where each comes from.

## Rules

- Variables are read once, at the start of a process; a change takes effect at the next start.
- Values are trimmed, and an empty value counts as unset. `~` is expanded in paths.
- Every variable that is not secret also has a flag, its name in lower case with dashes: `WS_IDLE_TIMEOUT_S` is
  `--ws-idle-timeout-s`. Some have a short one too, which stands under their name. Flags win over the environment.
- All problems are reported together, one line each, and the process ends with status 3 before it loads or binds
  anything. A name that starts with `YAP_`, `CHAT_`, `TOOL_`, `TRT_` or `WS_` and is not on this page is a problem too;
  names that container platforms and vendor images inject are let through.
- What belongs to an engine or mode that is not in use must be well-formed, but is not required.
- Secrets are shown as `set` or `unset` and nothing else, everywhere; they have no flag.
- A `.env` file is read only when a command is told to: `--env-file .env`, which `python -m runtime` and the recipes
  that read settings take. Its values are taken literally, and the environment wins over it.
- A value like `tcp://10.43.1.2:8000` of a variable that is no address is a service link, which Kubernetes makes of the
  name of a service. It is ignored with one warning, and kept from the engines' libraries (`VLLM_PORT`) in the same way.

Kinds: `int` is decimal digits, with a sign where the range allows one; `float` is a finite number; `flag` is 1, true,
yes, on or 0, false, no, off; `enum` and `flag` ignore case. Names end in their unit: `_S` and `_SECONDS` seconds, `_MS`
milliseconds, `_BYTES` bytes. Ranges include their ends. Close codes may be 1000, 1008, 1013 or 3000 to 4999."""

TAIL = """## Library variables

Before an engine is opened the server sets these where they are unset, and not at all with `YAP_SKIP_ENV_AUTOCONFIG=1`:
`VLLM_WORKER_MULTIPROC_METHOD=spawn`, `VLLM_NO_USAGE_STATS=1`, `TOKENIZERS_PARALLELISM=false`,
`HF_HUB_DISABLE_TELEMETRY=1`, `CUDA_MODULE_LOADING=LAZY`, and on a GPU `PYTORCH_ALLOC_CONF=expandable_segments:True`;
for TensorRT-LLM also `TRTLLM_NO_USAGE_STATS=1` and `DO_NOT_TRACK=1`.

What carries out a setting is set in any case: `HF_TOKEN` and `HF_HOME`, wherever they come from, the libraries' log
levels and log files, and `HF_HUB_DISABLE_PROGRESS_BARS`. `VLLM_RPC_BASE_PATH`, where it is unset, becomes a private
directory for the engine's sockets: in `TMPDIR`, or where that path is too long for sockets (107 bytes) in
`XDG_RUNTIME_DIR`, /tmp or /dev/shm; TensorRT-LLM's processes then get it as their `TMPDIR`.

`TEXT_API_KEY` and the other secrets that are this server's alone are kept from the engine's processes.

What contradicts a setting is set aside, with a warning: on a CPU `VLLM_CPU_KVCACHE_SPACE` where `CHAT_KV_CACHE_BYTES`
is set, `VLLM_DP_SIZE` and its ranks, and `HF_HUB_DISABLE_IMPLICIT_TOKEN` where `HF_TOKEN` is set. All other variables
of libraries pass through untouched; `VLLM_USE_V1` and `VLLM_ATTENTION_BACKEND` are read here,
because vLLM itself no longer reads them."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; the exit status."""
    parser = usage.parser("just settings", DESCRIPTION, environment="every variable of docs/settings.md", codes=CODES)
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="only variables with this in their name, and what they mean"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--docs", action="store_true", help="print docs/settings.md")
    parser.add_argument("--check", action="store_true", help="fail if docs/settings.md is not what --docs prints")
    parser.add_argument("--env-file", type=Path, metavar="F", help="read NAME=value lines; the environment wins")
    try:
        flags, others = split_flags(argv)
        options = parser.parse_args(others)
        if options.docs:
            print(page(), end="")
            return 0
        if options.check:
            return _check()
        chosen = _chosen(options.words)
        if not chosen:
            parser.error(f"no variable has {' or '.join(options.words)} in its name; docs/settings.md has them all")
        file = read_env_file(options.env_file.expanduser()) if options.env_file else {}
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    reading = read(beneath(environ, file), flags)
    if options.json:
        print(json.dumps(_json(reading, chosen), indent=2))
    elif options.words:
        print("\n".join(_described(variable, value, reading) for _, variable, value in _values(reading, chosen)))
    else:
        print("\n".join(_table(reading, colours=sys.stdout.isatty() and not environ.get("NO_COLOR"))))
    return _complain(reading, options.words and chosen)


def page() -> str:
    """The documentation of all variables, as Markdown."""
    parts = [HEAD]
    for section, fields in FIELDS.items():
        rows = "\n".join(_row(variable) for variable in fields.values())
        parts.append(
            f"## {TITLES[section]}\n\n| name | default | kind, range | meaning |\n| --- | --- | --- | --- |\n{rows}"
        )
    return "\n\n".join([*parts, TAIL]) + "\n"


def _row(variable: Variable) -> str:
    flags = "".join(f"<br>`{flag}`" for flag in variable.flags)
    kind = "**secret**" if variable.secret else variable.kind_text
    return f"| `{variable.name}`{flags} | {_documented_default(variable)} | {kind} | {variable.meaning} |"


def _documented_default(variable: Variable) -> str:
    bare = isinstance(variable.kind, Int | Float | Flag | CloseCode) or not isinstance(variable.default, Fixed)
    return variable.default_text if bare else f"`{variable.default_text}`"


def _check() -> int:
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/settings.md is stale: python -m tooling.settings --docs > docs/settings.md", file=sys.stderr)
    return 1


def _complain(reading: Reading, only: Collection[str]) -> int:
    """`only`: the variables that were asked about; empty for all."""
    problems = [problem for problem in reading.problems if not only or problem.name in only]
    for warning in reading.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if problems:
        print(report(problems), file=sys.stderr)
    return SettingsError.exit_status if problems else 0


def _chosen(words: Sequence[str]) -> frozenset[str]:
    """The variables that are asked for; without a word all."""
    wanted = [word.lstrip("-").replace("-", "_").upper() for word in words]
    return frozenset(name for name in VARIABLES if not wanted or any(word in name for word in wanted))


def _values(reading: Reading, chosen: Collection[str] = VARIABLES) -> Iterator[tuple[str, Variable, object]]:
    for section, fields in FIELDS.items():
        group = getattr(reading.sections, section)
        for field, variable in fields.items():
            if variable.name in chosen:
                yield section, variable, getattr(group, field)


def _described(variable: Variable, value: object, reading: Reading) -> str:
    kind = "secret" if variable.secret else variable.kind_text.replace("`", "")
    flags = [] if variable.secret else [*variable.flags, f"--{variable.name.lower().replace('_', '-')}"]
    also = [", ".join(flags)] if flags else []
    lines = [
        f"{variable.name} = {_cell(variable, value, reading)}  ({reading.sources[variable.name].value})",
        "    " + "; ".join([kind, f"default {variable.default_text}".replace("`", ""), *also]),
        f"    {variable.meaning.replace('`', '')}",
    ]
    return "\n".join(lines)


def _json(reading: Reading, chosen: Collection[str] = VARIABLES) -> Mapping[str, object]:
    settings: dict[str, dict[str, object]] = {section: {} for section in SECTION_CLASSES}
    for section, variable, value in _values(reading, chosen):
        settings[section][variable.name] = {
            "value": None if variable.name in reading.refused else _plain(variable, value),
            "source": reading.sources[variable.name].value,
        }
    return {
        "settings": settings,
        "warnings": list(reading.warnings),
        "problems": [{"name": problem.name, "text": problem.text} for problem in reading.problems],
    }


def _plain(variable: Variable, value: object) -> object:
    if variable.secret:
        return "set" if value else "unset"
    return value if value is None or isinstance(value, bool | int | float) else masked(variable.kind.show(value))


def _table(reading: Reading, *, colours: bool) -> Iterator[str]:
    names = max(map(len, VARIABLES))
    current = ""
    for section, variable, value in _values(reading):
        if section != current:
            yield f"{'' if not current else chr(10)}{TITLES[section]}"
            current = section
        source = reading.sources[variable.name]
        line = f"  {variable.name:<{names}}  {_cell(variable, value, reading):<40}  {source.value}"
        yield f"{BOLD}{line}{PLAIN}" if colours and source is not Source.DEFAULT else line


def _cell(variable: Variable, value: object, reading: Reading) -> str:
    if variable.name in reading.refused:
        return "required" if reading.sources[variable.name] is Source.DEFAULT else "refused"
    if variable.secret:
        return "set" if value else "unset"
    if value is None:
        return variable.default_text.replace("`", "")
    text = masked(variable.kind.show(value))
    return text if text.isprintable() else ascii(text)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a value may hold what this terminal cannot show
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
