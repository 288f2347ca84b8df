"""The command line of `just status`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling.ending import told
from tooling.refusal import NOT_READY, NOTHING_THERE
from tooling.running import State, StateUnreadable, every_state
from tooling.running.choosing import home_of
from tooling.running.gpu_memory import held
from tooling.running.identity import members
from tooling.running.program import grammar
from tooling.status.asking import ask
from tooling.status.report import Report, as_json, lines

ABOUT = """\
Show the servers that run here: phase, process, address, models, readiness, connections, GPU memory, log. Launches that
ended without a word, and records that cannot be read, are shown as such."""
CODES = "0 ready (all, where several run); 2 usage; 5 none runs; 6 running, but one is not ready; 130 interrupted"


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Show them; the exit code."""
    parser = grammar("status", ABOUT, CODES)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args(argv)

    def work() -> int:
        home = home_of(environ)
        found = [one for one in every_state(home) if options.port in (None, _key(one))]
        broken = [one for one in found if isinstance(one, StateUnreadable)]
        states = [one for one in found if isinstance(one, State)]
        reports = [examined(one) for one in states if options.port or one.is_alive() or one.is_stale()]
        if options.json:
            unreadable = [str(one) for one in broken]
            print(json.dumps({"servers": [as_json(one) for one in reports], "unreadable": unreadable}, indent=1))
        else:
            _print(reports, broken, options.port)
        return code_of(reports)

    return told("status", work)


def examined(state: State) -> Report:
    """Look at one launch: its processes, its server's answers, the GPU memory they hold."""
    if not state.is_alive():
        return Report(state=state, is_alive=False, gpu_gib={})
    process = state.server if state.server is not None and state.server.is_alive() else state.keeper
    return Report(
        state=state,
        is_alive=True,
        uptime_s=process.age_s(),
        answer=ask(state.host, state.port) if state.server is not None and state.port else None,
        gpu_gib=held(members(state.server.pid)) if state.server is not None else {},
    )


def code_of(reports: Sequence[Report]) -> int:
    """The exit code."""
    living = [report for report in reports if report.is_alive]
    if not living:
        return NOTHING_THERE
    return 0 if all(report.is_ready for report in living) else NOT_READY


def _print(reports: Sequence[Report], broken: Sequence[StateUnreadable], key: str | None) -> None:
    blocks = ["\n".join(lines(report)) for report in reports] + [f"unreadable: {error}" for error in broken]
    where = f"on port {key}" if key else "here"
    print("\n\n".join(blocks) or f"nothing runs {where}; just run --detach starts a server")


def _key(found: State | StateUnreadable) -> str:
    return found.key if isinstance(found, State) else Path(found.path).parent.name


__all__ = ["code_of", "examined", "run"]
