"""The command line of `clean`: list, ask, delete."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.settings.reading import read
from tooling.cache import COMPLETE, require_home
from tooling.cache.locking import attempt, is_held, lock_of
from tooling.clean.listing import EVERYTHING, KINDS, Item, Stays, listed
from tooling.ending import told
from tooling.refusal import CONFLICT, FAILED, REFUSED, Refusal
from tooling.refusal import USAGE as USAGE_CODE
from tooling.run.hub_cache import hub_cache
from tooling.running import StateUnreadable, every_state, in_use
from tooling.running.claim import port_lock

HALF_WAY = "interrupted; what was being deleted may be half gone, and is made anew when it is needed"
MEGA, GIGA = 1e6, 1e9
Ask = Callable[[str], bool]
DESCRIPTION = """\
Delete what was made below YAP_HOME: exports for vLLM (quant), TensorRT-LLM's checkpoints and engines (engines), demo
models (models), or all of it. It is listed with its size, and asked for; what a running server uses, or what is being
made, stays. Everything is made again when it is needed.

environment: YAP_HOME
exit codes: 0 done, or nothing there; 1 something could not be deleted; 2 usage; 3 YAP_HOME refused;
4 something stays because it is in use; 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    made = argparse.ArgumentParser(
        prog="just clean", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", choices=[*KINDS, EVERYTHING])
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--plan", action="store_true", help="say what would be deleted and delete nothing")
    made.add_argument("--json", action="store_true", dest="as_json", help="the plan, or what was deleted, as JSON")
    return made


def run(argv: Sequence[str], environ: Mapping[str, str], ask: Ask | None) -> int:
    """Do what the words say and return an exit code. `ask`: puts a question to somebody; None where nobody is there."""
    arguments = parser().parse_args(argv)

    def work() -> int:
        settings = read(environ, {}).sections
        home = require_home(settings.deployment.yap_home)
        exports = settings.quantising.awq_cache_dir
        if arguments.what in ("quant", EVERYTHING) and not exports.expanduser().is_relative_to(home):
            _say(f"clean: exports are kept in {exports} (AWQ_CACHE_DIR), outside of {home}: they are not touched")
        try:
            return _clean(home, arguments, environ, ask)
        except OSError as error:
            where = error.filename or "YAP_HOME"
            raise Refusal(f"{where} cannot be looked at: {error.strerror or error}", REFUSED) from error

    return told("clean", work, interrupted=HALF_WAY)


def _clean(home: Path, arguments: argparse.Namespace, environ: Mapping[str, str], ask: Ask | None) -> int:
    if not arguments.plan:
        _require_known(home)
    items = listed(home, arguments.what, _used(home))
    going = [item for item in items if item.stays is None]
    if arguments.plan or not going:
        _show(items, going, home, arguments, environ)
        return 0 if arguments.plan else _code(items)
    if not arguments.as_json:
        _show(items, going, home, arguments, environ)
    if not arguments.yes:
        if ask is None:
            raise Refusal("nobody is there to be asked: --yes deletes it without asking", USAGE_CODE)
        if not ask(f"Delete {_count(going)}? [y/N] "):
            _say("clean: nothing was deleted")
            return 0
    deleted = [item for item in going if _delete(item, home)]
    freed = sum(item.size for item in deleted)
    if arguments.as_json:
        print(json.dumps({"deleted": [str(item.path) for item in deleted], "bytes": freed}))
    else:
        print(f"deleted {_count(deleted)}")
    return CONFLICT if len(deleted) < len(going) else _code(items)


def _require_known(home: Path) -> None:
    """Raises `Refusal` where a launch lives whose state cannot be read: what it uses is not known."""
    for one in every_state(home):
        if isinstance(one, StateUnreadable) and is_held(port_lock(home, one.path.parent.name)):
            raise Refusal(
                f"a launch runs and what it uses is not known, so nothing is deleted until it has ended ({one})",
                CONFLICT,
            )


def _used(home: Path) -> frozenset[Path]:
    """What running servers name, wherever links on the way to it lead."""
    return frozenset(path.resolve() for path in in_use(home))


def _delete(item: Item, home: Path) -> bool:
    """Delete one, under its maker's lock; False if somebody began to use it meanwhile. Raises `Refusal`."""
    with attempt(lock_of(item.path.parent, home, item.key)) as is_ours:
        if not is_ours or any(one.is_relative_to(item.path) for one in _used(home)):
            _say(f"clean: {item.path} stays: somebody began to use it")
            return False
        try:
            (item.path / COMPLETE).unlink(missing_ok=True)  # from here on nobody takes it for whole
            shutil.rmtree(item.path)
        except OSError as error:
            raise Refusal(
                f"{error.filename or item.path} cannot be deleted: {error.strerror or error}", FAILED
            ) from error
    return True


def _show(
    items: Sequence[Item],
    going: Sequence[Item],
    home: Path,
    arguments: argparse.Namespace,
    environ: Mapping[str, str],
) -> None:
    if arguments.as_json:
        told = {
            "home": str(home),
            "deletes": [{"path": str(item.path), "bytes": item.size} for item in going],
            "stays": [{"path": str(item.path), "because": item.stays.value} for item in items if item.stays],
            "bytes": sum(item.size for item in going),
            "hub_downloads": str(hub_cache(environ)),
        }
        print(json.dumps(told, indent=1))
        return
    for item in items:
        note = f"  ({item.stays.value}, stays)" if item.stays else "" if item.whole else "  (left half made)"
        print(f"{_size(item.size):>10}  {item.path}{note}")
    if not going:
        print(f"nothing to delete below {home}" if not items else "nothing of this can be deleted")
    print(f"Downloads from the Hub are not touched; they are in {hub_cache(environ)} (hf cache ls, hf cache rm)")


def _code(items: Sequence[Item]) -> int:
    wanted = [item for item in items if item.is_wanted]
    for item in wanted:
        assert item.stays is not None
        way = "just stop ends its server" if item.stays is Stays.IN_USE else "wait for its maker, or stop it"
        _say(f"clean: {item.path} stays, it is {item.stays.value}: {way}")
    return CONFLICT if wanted else 0


def _count(items: Sequence[Item]) -> str:
    plural = "entry" if len(items) == 1 else "entries"
    return f"{len(items)} {plural}, {_size(sum(item.size for item in items))}"


def _size(count: int) -> str:
    return f"{count / GIGA:,.1f} GB" if count >= GIGA else f"{count / MEGA:,.1f} MB"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["parser", "run"]
