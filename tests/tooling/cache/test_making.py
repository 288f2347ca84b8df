"""The cache of demo models: complete or invisible, one maker a key."""

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tooling import cache
from tooling.cache import locking, making
from tooling.cache.locking import is_held, lock_of

ENTRY = cache.Entry(name="demo-x", recipe={"builder": 1, "text": "abc"})


def _silent(line: str) -> None:
    del line


def _write(directory: Path) -> None:
    (directory / "weights").write_bytes(b"12345")


def test_an_entry_is_built_once_and_found_again(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(directory: Path) -> None:
        built.append(directory)
        _write(directory)

    first = cache.ensure(ENTRY, tmp_path, build, _silent)
    second = cache.ensure(ENTRY, tmp_path, build, _silent)
    assert first == second == tmp_path / "models" / f"demo-x-{ENTRY.key}"
    assert [path.name for path in built] == [f"{first.name}.partial-{os.getpid()}"]
    assert json.loads((first / "complete.json").read_text())["files"]["weights"] == 5
    assert not list((tmp_path / "models").glob("*.partial-*"))


@pytest.mark.parametrize("change", [{"builder": 2}, {"text": "abd"}, {"more": None}])
def test_every_change_of_the_recipe_changes_the_key(change: dict[str, object]) -> None:
    other = cache.Entry(name="demo-x", recipe={**ENTRY.recipe, **change})
    assert other.key != ENTRY.key
    assert len(other.key) == 16
    assert set(other.key) <= set("0123456789abcdef")


def test_a_failed_build_leaves_nothing_and_can_be_tried_again(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        _write(directory)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.ensure(ENTRY, tmp_path, fail, _silent)
    assert list((tmp_path / "models").iterdir()) == []
    assert cache.is_complete(cache.ensure(ENTRY, tmp_path, _write, _silent))


def test_whoever_may_read_one_file_may_read_all(tmp_path: Path) -> None:
    def build(directory: Path) -> None:
        _write(directory)
        (directory / "weights").chmod(0o600)

    path = cache.ensure(ENTRY, tmp_path, build, _silent)
    assert len({file.stat().st_mode for file in path.iterdir()}) == 1


@pytest.mark.parametrize("damage", ["weights", "complete.json"])
def test_an_entry_that_lost_a_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = cache.ensure(ENTRY, tmp_path, _write, _silent)
    (path / damage).unlink()
    assert not cache.is_complete(path)
    assert cache.is_complete(cache.ensure(ENTRY, tmp_path, _write, _silent))


def test_a_truncated_file_makes_an_entry_incomplete(tmp_path: Path) -> None:
    path = cache.ensure(ENTRY, tmp_path, _write, _silent)
    (path / "weights").write_bytes(b"123")
    assert not cache.is_complete(path)


def test_leftovers_of_dead_makers_are_swept_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    """By the locks that makers hold: a number may be another process's by now, or one of another container."""
    models = tmp_path / "models"
    dead, living = (models / f"demo-x-{key * 16}.partial-{os.getpid()}" for key in "ab")
    put_aside = models / f"demo-x-{'c' * 16}.replaced.partial-1"
    foreign = models / "demo-x-1.partial-notes"
    for path in (dead, living, put_aside, foreign):
        path.mkdir(parents=True)
    (models / f"link-{'d' * 16}.partial-1").symlink_to(tmp_path)
    with locking.hold(locking.lock_of(models, tmp_path, "b" * 16), lambda: None):
        assert cache.sweep(models, tmp_path) == [dead, put_aside]
    assert living.is_dir()
    assert foreign.is_dir()
    assert tmp_path.is_dir()


def test_entries_that_are_kept_elsewhere_have_their_locks_beside_them(tmp_path: Path) -> None:
    """Two homes may share them."""
    elsewhere = cache.Entry(kind=str(tmp_path / "disk"), name="x", recipe={})
    path = cache.ensure(elsewhere, tmp_path / "home", _write, _silent)
    assert path.parent == tmp_path / "disk"
    assert (tmp_path / "disk" / "locks" / f"{elsewhere.key}.lock").exists()
    assert not (tmp_path / "home").exists()


def test_an_entry_stays_until_the_one_made_anew_is_whole(tmp_path: Path) -> None:
    first = cache.ensure(ENTRY, tmp_path, _write, _silent)
    old = (first / "weights").stat().st_ino
    seen: list[bool] = []

    def build(directory: Path) -> None:
        seen.append(cache.is_complete(first))  # the old one stays until the new one is whole
        _write(directory)

    assert cache.ensure(ENTRY, tmp_path, build, _silent, anew=True) == first
    assert seen == [True]
    assert (first / "weights").stat().st_ino != old
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [first.name]


def test_what_a_dead_maker_put_aside_is_the_entry_again(tmp_path: Path) -> None:
    final = cache.ensure(ENTRY, tmp_path, _write, _silent)
    aside = final.rename(final.with_name(f"{final.name}.replaced.partial-1"))

    def never(directory: Path) -> None:
        raise AssertionError(directory)

    assert cache.ensure(ENTRY, tmp_path, never, _silent) == final
    assert cache.is_complete(final)
    assert not aside.exists()
    final.rename(aside)
    built: list[Path] = []

    def build(directory: Path) -> None:
        built.append(directory)
        _write(directory)

    cache.ensure(ENTRY, tmp_path, build, _silent, anew=True)
    assert len(built) == 1


def test_what_is_put_aside_goes_once_something_stands_in_its_place(tmp_path: Path) -> None:
    final = cache.ensure(ENTRY, tmp_path, _write, _silent)
    aside = final.with_name(f"{final.name}.replaced.partial-1")
    shutil.copytree(final, aside)
    assert cache.sweep(final.parent, tmp_path) == [aside]
    assert cache.is_complete(final)


def test_what_is_read_is_neither_swept_nor_free_until_it_was_read(tmp_path: Path) -> None:
    final = cache.ensure(ENTRY, tmp_path, _write, _silent)
    lock = lock_of(final.parent, tmp_path, ENTRY.key)
    with cache.reading([final, tmp_path / "elsewhere"], tmp_path), cache.reading([final], tmp_path):
        assert is_held(lock)
    assert not is_held(lock)


def test_who_waited_to_make_it_anew_takes_what_was_made_anew_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.ensure(ENTRY, tmp_path, _write, _silent)
    real = locking.hold

    def overtaken(path: Path, wait: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
        monkeypatch.setattr(making, "hold", real)
        cache.ensure(ENTRY, tmp_path, _write, _silent, anew=True)  # somebody else, who had the lock
        return real(path, wait)

    monkeypatch.setattr(making, "hold", overtaken)
    assert cache.is_complete(cache.ensure(ENTRY, tmp_path, _never, _silent, anew=True))


def _never(directory: Path) -> None:
    raise AssertionError("somebody made it anew while we waited")


KILLED_AT = {
    "before anything is built": (making.__name__, "_make"),
    "before its key is written": (making.__name__, "canonical"),
    "before it is said to be complete": (making.__name__, "files_of"),
    "before its files are on the disk": ("os", "fsync"),
    "before it gets its name": ("pathlib.Path", "rename"),
    "before what was set aside goes": ("shutil", "rmtree"),
}


def _killed_maker(home: Path, target: str) -> None:
    def die(*arguments: object, **more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def build(directory: Path) -> None:
        _write(directory)
        patch.setattr(target, die)

    patch = pytest.MonkeyPatch()
    if target.endswith("_make"):
        patch.setattr(target, die)
    cache.ensure(ENTRY, home, build, _silent, anew=True)


@pytest.mark.parametrize("step", KILLED_AT)
@pytest.mark.parametrize("was_there", [False, True])
def test_a_maker_killed_at_any_step_leaves_nothing_that_is_taken_for_whole(
    tmp_path: Path, step: str, was_there: bool
) -> None:
    final = ENTRY.path(tmp_path)
    if was_there:
        cache.ensure(ENTRY, tmp_path, _write, _silent)
    maker = multiprocessing.get_context("fork").Process(
        target=_killed_maker, args=(tmp_path, ".".join(KILLED_AT[step]))
    )
    maker.start()
    maker.join(60)
    assert maker.exitcode == -signal.SIGKILL
    assert cache.is_complete(final) == final.exists()
    path = cache.ensure(ENTRY, tmp_path, _write, _silent, anew=True)
    assert cache.is_complete(path)
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [path.name]


def _limited_maker(home: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    def build(directory: Path) -> None:
        (directory / "weights").write_bytes(b"x" * 1000)

    try:
        cache.ensure(ENTRY, home, build, _silent)
    except OSError:
        os._exit(7)


def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path: Path) -> None:
    maker = multiprocessing.get_context("fork").Process(target=_limited_maker, args=(tmp_path,))
    maker.start()
    maker.join(60)
    assert maker.exitcode == 7
    assert list((tmp_path / "models").iterdir()) == []


def test_a_home_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        cache.ensure(ENTRY, tmp_path / "file", _write, _silent)


def _slow_maker(home: Path, log: Path, name: str) -> None:
    def build(directory: Path) -> None:
        with log.open("a") as stream:
            stream.write(f"built by {name}\n")
        time.sleep(0.5)  # noqa: TID251 - a child process of a test, no loop runs in it
        _write(directory)

    def report(line: str) -> None:
        with log.open("a") as stream:
            stream.write(f"{name}: {line}\n")

    cache.ensure(ENTRY, home, build, report)


def test_a_second_process_waits_and_takes_the_first_ones_result(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    makers = [context.Process(target=_slow_maker, args=(tmp_path, log, name)) for name in "ab"]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert [maker.exitcode for maker in makers] == [0, 0]
    assert sum(line.startswith("built by") for line in log.read_text().splitlines()) == 1
    assert cache.is_complete(ENTRY.path(tmp_path))


def _hung_maker(home: Path, log: Path) -> None:
    def build(directory: Path) -> None:
        _write(directory)
        log.write_text("started")
        signal.pause()

    cache.ensure(ENTRY, home, build, _silent)


def test_a_killed_maker_neither_blocks_the_next_one_nor_leaves_its_partial(tmp_path: Path) -> None:
    log = tmp_path / "log"
    maker = multiprocessing.get_context("spawn").Process(target=_hung_maker, args=(tmp_path, log))
    maker.start()
    while not log.exists():
        maker.join(0.02)
    maker.kill()
    maker.join()
    path = cache.ensure(ENTRY, tmp_path, _write, _silent)
    assert sorted(entry.name for entry in (tmp_path / "models").iterdir()) == [path.name]
