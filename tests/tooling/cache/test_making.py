"""The cache of demo models: complete or invisible, one maker a key."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from tooling import cache

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
    gone = multiprocessing.get_context("spawn").Process(target=_nothing)
    gone.start()
    gone.join()
    models = tmp_path / "models"
    dead, living, foreign = (
        models / f"demo-x-1.partial-{gone.pid}",
        models / f"demo-x-1.partial-{os.getpid()}",
        models / "demo-x-1.partial-notes",
    )
    for path in (dead, living, foreign):
        path.mkdir(parents=True)
    (models / "link.partial-1").symlink_to(tmp_path)
    assert cache.sweep(models) == [dead]
    assert living.is_dir()
    assert foreign.is_dir()
    assert tmp_path.is_dir()


def _nothing() -> None:
    pass


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
