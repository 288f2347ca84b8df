"""What people type for a model."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.models import Reference
from tooling.refusal import REFUSED, USAGE, Refusal


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("org/name", "org/name", None),
        ("org/name@main", "org/name", "main"),
        ("org/name@refs/pr/3", "org/name", "refs/pr/3"),
        ("gpt2", "gpt2", None),
        ("org/Some.Model-7B_v0.1@0123abc", "org/Some.Model-7B_v0.1", "0123abc"),
    ],
)
def test_an_id_may_have_a_revision(text: str, name: str, revision: str | None, tmp_path: Path) -> None:
    assert Reference.parse(text, tmp_path) == Reference(name=name, revision=revision)
    assert str(Reference.parse(text, tmp_path)) == text


def test_a_directory_that_exists_wins_over_an_id(tmp_path: Path) -> None:
    for text in ("org/name", "org/name@v1", "chat"):
        place = tmp_path / text
        place.mkdir(parents=True)
        found = Reference.parse(text, tmp_path)
        assert (found.directory, found.name, found.revision) == (place, str(place), None)
    assert Reference.parse("./chat", tmp_path).directory == tmp_path / "chat"


@pytest.mark.parametrize("text", ["./not-there", "/not/there", "~/not-there-at-all", "..\0"])
def test_a_path_that_is_no_directory_is_told_as_one(text: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        Reference.parse(text, tmp_path)
    assert caught.value.exit_code == (USAGE if text == "..\0" else REFUSED)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    with pytest.raises(Refusal, match=r"'\./model.gguf' is a file: name the directory"):
        Reference.parse("./model.gguf", tmp_path)


@pytest.mark.parametrize(
    "text", ["", " ", "a/b/c", "org/", "-org/name", "org/na me", "org/name@", "org/name@a b", "org/..", "a--b/c"]
)
def test_what_is_neither_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="org/name"):
        Reference.parse(text, tmp_path)


def test_a_revision_of_its_own_counts_where_the_id_has_none(tmp_path: Path) -> None:
    assert Reference.of("org/name", "v2", tmp_path).revision == "v2"
    assert Reference.of("org/name@v1", "v2", tmp_path).revision == "v1"
    assert Reference.of("org/name", None, tmp_path).revision is None


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        found = Reference.parse(text, Path("/proc/self/task"))
    except Refusal:
        return
    assert found.name
