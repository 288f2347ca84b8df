"""The mutations are all there and apply; that the simulator sees them is for `just simulate --self-test`, and a few of
them for `test_self_test.py`.
"""

from pathlib import Path

import pytest

from tests.simulation.mutations.mutation import HOME, Mutation, every, named
from tests.simulation.mutations.tree import ROOT, Stale, apply
from tooling.refusal import UsageError

EVERY = every()
PRODUCT = ("runtime/", "actors/", "engines/", "protocol/")
CHOSEN = {
    "machine": "actors/session/machine.py",
    "rules": "actors/session/rules.py",
    "session actor": "actors/session/actor.py",
    "history": "actors/session/history.py",
    "outbox": "actors/session/outbox.py",
    "turn": "actors/session/turn.py",
    "gate": "actors/session/gate.py",
    "reporter": "actors/session/reporter.py",
    "connection": "actors/connection.py",
    "exchange": "actors/engine/exchange.py",
    "engine actor": "actors/engine/actor.py",
    "admission": "actors/engine/admission.py",
    "watch": "actors/engine/watch.py",
    "router": "actors/router/actor.py",
    "limits": "protocol/limits.py",
    "supervisor": "runtime/supervisor.py",
    "server": "runtime/server.py",
    "access": "runtime/access.py",
    "health": "runtime/health.py",
    "telemetry": "runtime/telemetry/recorder.py",
    "channel, keep-alive": "runtime/websocket/channel.py",
    "wire": "runtime/websocket/wire.py",
}
STALE = """\
Nothing is left of what it was made for.

--- a/actors/lanes.py
+++ b/actors/lanes.py
@@ -1,3 +1,3 @@
 this line
-is not there
+at all
 and never was
"""


def test_there_are_many_and_every_part_has_one() -> None:
    assert len(EVERY) >= 30
    files = {file for mutation in EVERY for file in mutation.files}
    assert {part: file for part, file in CHOSEN.items() if file not in files} == {}


@pytest.mark.parametrize("mutation", EVERY, ids=lambda mutation: mutation.name)
def test_a_mutation_applies_to_the_product_and_says_what_it_breaks(mutation: Mutation) -> None:
    apply(mutation, ROOT, check_only=True)
    assert mutation.sentence.endswith(".")
    assert all(file.startswith(PRODUCT) for file in mutation.files)


def test_a_patch_that_does_not_apply_changes_nothing_and_says_why(tmp_path: Path) -> None:
    patch = tmp_path / "stale.patch"
    patch.write_text(STALE)
    file = tmp_path / "actors" / "lanes.py"
    file.parent.mkdir()
    file.write_text("something else\n")
    with pytest.raises(Stale, match=r"actors/lanes\.py"):
        apply(Mutation.read(patch), tmp_path)
    assert file.read_text() == "something else\n"


def test_mutations_are_named_or_read_from_a_file(tmp_path: Path) -> None:
    patch = tmp_path / "of-mine.patch"
    patch.write_text(STALE)
    found = named(["abort-lost", str(patch)])
    assert [(each.name, each.files) for each in found] == [
        ("abort-lost", ("actors/engine/actor.py",)),
        ("of-mine", ("actors/lanes.py",)),
    ]
    assert named([]) == EVERY


@pytest.mark.parametrize("text", ["", "--- a/actors/lanes.py\n", "a sentence alone\n"])
def test_a_file_that_is_no_mutation_is_refused(tmp_path: Path, text: str) -> None:
    patch = tmp_path / "of-mine.patch"
    patch.write_text(text)
    with pytest.raises(UsageError, match="is no mutation: "):
        named([str(patch)])


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no mutation abort-found"):
        named(["abort-found"])
    assert all(path.suffix in {".patch", ".py"} for path in HOME.iterdir() if path.is_file())
