"""Persona files that change while a conversation runs, and what is remembered of it."""

import os
import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.data.personas import FOLDER
from tooling.clients.live.memory import MOST_CHARS, MOST_MESSAGES, Memory
from tooling.clients.live.wardrobe import Changes, Wardrobe


def write(folder: Path, key: str, prompt: str, *, keep_time: bool = False) -> None:
    path = folder / f"{key}.toml"
    before = path.stat().st_mtime_ns if keep_time else None
    path.write_text(f'gender = "male"\npersonality = "calm"\nprompt = "{prompt}"\n', "utf-8")
    if before is not None:
        os.utime(path, ns=(before, before))


def test_changed_new_and_gone_files_are_told_once(tmp_path: Path) -> None:
    write(tmp_path, "a", "first")
    write(tmp_path, "b", "first")
    wardrobe = Wardrobe(tmp_path)
    wardrobe.look()
    assert wardrobe.look() == Changes()
    write(tmp_path, "a", "other", keep_time=True)
    write(tmp_path, "c", "new")
    (tmp_path / "b.toml").unlink()
    assert wardrobe.look().told() == ["personas reloaded: a, b (gone), c"]
    assert {key: persona.prompt for key, persona in wardrobe.personas.items()} == {"a": "other", "c": "new"}
    assert wardrobe.look() == Changes()


def test_a_touched_file_has_not_changed(tmp_path: Path) -> None:
    write(tmp_path, "a", "first")
    wardrobe = Wardrobe(tmp_path)
    wardrobe.look()
    os.utime(tmp_path / "a.toml")
    assert wardrobe.look() == Changes()


def test_a_broken_file_keeps_its_last_good_version_and_is_complained_about_once(tmp_path: Path) -> None:
    write(tmp_path, "a", "good")
    wardrobe = Wardrobe(tmp_path)
    wardrobe.look()
    (tmp_path / "a.toml").write_bytes(b'prompt = "\xff')
    (told,) = wardrobe.look().told()
    assert "a.toml" in told
    assert wardrobe.look() == Changes()
    assert wardrobe.personas["a"].prompt == "good"
    write(tmp_path, "a", "good")
    assert wardrobe.look().told() == ["personas reloaded: a"]


def test_what_is_no_readable_file_is_complained_about_once(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "link.toml").symlink_to(tmp_path / "nowhere")
    wardrobe = Wardrobe(tmp_path)
    told = wardrobe.look().told()
    assert [name for name in ("folder", "link", "pipe") if any(f"{name}.toml" in line for line in told)]
    assert len(told) == 3
    assert wardrobe.look() == Changes()
    assert not wardrobe.personas


def test_a_folder_that_goes_away_takes_nobody_along(tmp_path: Path) -> None:
    folder = tmp_path / "personas"
    shutil.copytree(FOLDER, folder)
    wardrobe = Wardrobe(folder)
    wardrobe.look()
    shutil.rmtree(folder)
    assert wardrobe.look().told() == [f"no personas in {folder}: No such file or directory"]
    assert wardrobe.look() == Changes()
    assert "anna_flirty" in wardrobe.personas


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60_000)), max_size=600))
def test_a_new_session_gets_the_newest_messages_that_a_server_takes(said: list[tuple[bool, int]]) -> None:
    memory = Memory()
    for mine, length in said:
        (memory.said if mine else memory.heard)("x" * length)
    kept = memory.for_start()
    assert kept == memory.messages[len(memory.messages) - len(kept) :]
    assert len(kept) <= MOST_MESSAGES
    assert sum(len(message["content"]) for message in kept) <= MOST_CHARS
    if len(kept) < min(len(said), MOST_MESSAGES):
        dropped = memory.messages[-len(kept) - 1]
        assert sum(len(message["content"]) for message in [dropped, *kept]) > MOST_CHARS


def test_what_was_turned_away_was_never_said() -> None:
    memory = Memory()
    memory.said("one")
    memory.heard("two")
    memory.unsaid()
    memory.said("three")
    memory.unsaid()
    assert memory.told() == "user: one\nassistant: two"


def test_an_alias_follows_its_persona_and_keeps_it_when_that_goes(tmp_path: Path) -> None:
    write(tmp_path, "a", "first")
    (tmp_path / "me.toml").write_text('alias = "a"', "utf-8")
    wardrobe = Wardrobe(tmp_path)
    wardrobe.look()
    assert wardrobe.personas["me"] is wardrobe.personas["a"]
    write(tmp_path, "a", "other")
    assert wardrobe.look().told() == ["personas reloaded: a"]
    assert wardrobe.personas["me"].prompt == "other"
    (tmp_path / "a.toml").unlink()
    (complaint, told) = wardrobe.look().told()
    assert "me" in complaint and told == "personas reloaded: a (gone)"
    assert wardrobe.look() == Changes()
    assert wardrobe.personas["me"].prompt == "other"
