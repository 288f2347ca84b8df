"""Calibration texts: by name or out of a file, checked before anything is loaded."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.quantize import texts
from tooling.quantize.calibration import NAMES, NOT_TEXT, choose
from tooling.quantize.job import Calibration
from tooling.refusal import REFUSED, Refusal

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def chosen(asked: str, cwd: Path = Path("/")) -> Calibration:
    return choose(asked, samples=64, tokens_requested=2048, longest=4096, cwd=cwd)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("open_platypus", "open_platypus"),
        ("Open-Platypus", "open_platypus"),
        (" ULTRACHAT-200K ", "ultrachat_200k"),
        ("ultrachat", "ultrachat_200k"),
        ("cnn-dailymail", "cnn_dailymail"),
    ],
)
def test_case_dashes_and_other_names_are_equal(asked: str, name: str) -> None:
    assert chosen(asked).name == name
    assert chosen(asked).requested == asked
    assert chosen(asked).path is None


def test_an_unknown_one_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        chosen("open_platipus", tmp_path)
    assert refused.value.exit_code == REFUSED
    assert all(name in str(refused.value) for name in NAMES if name not in NOT_TEXT)
    assert "open_platipus" in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "told"), [("flickr30k", "pictures"), ("peoples-speech", "speech"), ("custom", "file")]
)
def test_what_no_text_model_reads_is_refused(asked: str, told: str) -> None:
    with pytest.raises(Refusal, match=told):
        chosen(asked)


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [
        ("a.jsonl", '{"text": "one"}\n\n{"text": "two"}\n', 2),
        ("a.json", '[{"text": "one"}, {"messages": ' + json.dumps(TALK) + "}]", 2),
        ("a.json", '{"text": "one"}\n{"text": "two"}\n', 2),
        ("a.json", '{\n "text": "one"\n}', 1),
        ("a.JSONL", '\ufeff{"text": "one", "id": 3}', 1),
        ("a.csv", 'id,text\n1,one\n2,"two, and\nmore"\n3,\n', 2),
        ("a.jsonl", '{"text": "one"}\n{"text": "  "}\n{"text": null}\n', 1),
    ],
)
def test_files_are_read_in_each_of_their_shapes(tmp_path: Path, name: str, content: str, count: int) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert len(list(texts.rows(path))) == count
    made = chosen(name, tmp_path)
    assert (made.name, made.path) == (name, str(path))
    assert made.digest


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", "", "no row with a text"),
        ("a.jsonl", '{"text": "one"}\n{"prompt": "two"}', "row 2.*prompt"),
        ("a.jsonl", '{"text": "one"}\n{"text"', "cannot be read"),
        ("a.jsonl", "[]", "no row with a text"),
        ("a.jsonl", "3", "row 1.*int"),
        ("a.json", '[{"messages": [{"role": "user"}]}]', "row 1"),
        ("a.jsonl", '{"text": 3}', "row 1"),
        ("a.csv", "id,words\n1,one\n", "row 1.*words"),
        ("a.txt", "some text", r"\.json"),
    ],
)
def test_a_file_without_texts_is_refused_before_anything_loads(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Refusal, match=told):
        chosen(name, tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for asked in ("./nothing.json", "~/nothing.csv", "nul\0.json", "x" * 5000, str(tmp_path)):
        with pytest.raises(Refusal):
            chosen(asked, tmp_path)


@given(content=st.binary(max_size=200), name=st.sampled_from(["a.json", "a.jsonl", "a.csv"]))
def test_garbage_is_refused_and_nothing_else_happens(
    content: bytes, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        found = list(texts.rows(path))
    except texts.TextsUnreadable:
        found = []
    assert all("text" in row or "messages" in row for row in found)
