"""The documentation: nothing of the advanced guide without a home, and no page, heading or recipe named that is not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import envelope, turns
from protocol.limits import TurnLimits

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
JUSTFILE = (ROOT / "justfile").read_text(encoding="utf-8")
RECIPES = set(re.findall(r"^([a-z][a-z-]*)(?: \*\w+)?:(?!=)", JUSTFILE, re.MULTILINE))
PRIVATE = {"default"}
# Every heading of the advanced guide, of all levels, in its order.
HEADINGS = """\
Yap Text Inference Advanced Guide
Contents
Authentication Coverage
Telemetry
Enabling Telemetry
Environment Variables
Staging vs Production
Metrics Reference
Inference Engine Configuration
Engine Selection
vLLM Configuration
TensorRT-LLM Configuration
Log Rotation
Viewing Logs
Linting
API — WebSocket `/ws`
WebSocket Protocol Highlights
Connection Lifecycle
Authentication Methods
Connection Limit Handling
Messages You Send
What You Receive
Barge-In and Cancellation
Rate Limits
Quantization Notes
vLLM Quantization Details
TensorRT-LLM Quantization Details
Pushing Quantized Exports to Hugging Face
Test Clients
Unit Tests
Warmup Test Client
Interactive Live Client
Conversation History Test
Vision / Toolcall Test
Tool Regression Test
Benchmark Client
History Recall Test
Cancel Regression Test
Idle Timeout Test
Latency Metrics in Multi-Turn Tests
Persona and History Behavior
Known Issues
TRT-LLM Python Version Mismatch
CUDA 13.0 Requirement
Base Docker Image Selection
CUDA Device Unavailable
GPU Memory Fractions""".splitlines()


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Where links into a page may lead, as GitHub makes them of headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        same = sum(1 for one in found if one == words or re.fullmatch(re.escape(words) + r"-\d+", one))
        found.add(f"{words}-{same}" if same else words)
    return found


def rows() -> list[list[str]]:
    """The guide's table, cell by cell."""
    lines = [line for line in GUIDE.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in re.split(r" \|(?= )", line.strip("|"))] for line in lines]


def test_every_heading_of_the_guide_has_a_home() -> None:
    assert [row[0] for row in rows()] == HEADINGS
    assert all(len(row) == 3 and row[2] for row in rows()), "heading, command, page or reason"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{target}: no such page"
        if anchor:
            assert anchor in anchors(place), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_recipes_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|\$ |&& |\.\.\. )just ([a-z][a-z-]*)(?![\w=-])", text, re.MULTILINE))
    assert not (missing := named - RECIPES), missing


def test_the_readme_names_every_recipe() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z][a-z-]*)`", table)) == RECIPES - PRIVATE


def test_every_decision_has_a_number_of_its_own_and_says_it() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name.partition("-")[0]) for path in files]
    assert len(set(numbers)) == len(numbers), files
    for path, number in zip(files, numbers, strict=True):
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. "), path


def test_what_the_diagnosis_is_said_to_say_it_says() -> None:
    section = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("### Of the machine")[2]
    said = [quoted for line in section.splitlines()[4:] for quoted in re.findall(r"`([^`]+)`", line.split(" | ")[1])]
    checks = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "tooling" / "doctor").rglob("*.py"))
    assert len(said) > 9
    assert not [quoted for quoted in said if quoted not in checks]


def frames(text: str) -> Iterator[str]:
    """Each JSON value of the JSON blocks, as its text."""
    for block in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        rest = block.strip()
        while rest:
            _, end = json.JSONDecoder().raw_decode(rest)
            yield rest[:end]
            rest = rest[end:].strip()


def test_the_frames_of_the_page_about_the_wire_are_frames() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    found = [envelope.decode(frame) for frame in frames(page)]
    assert {frame.type for frame in found} >= {"start", "message", "followup", "cancel", "done", "error"}
    for frame in found:
        if frame.type == "start" and frame.payload:
            turns.parse_first_start(frame.payload, TurnLimits())
        elif frame.type == "message":
            turns.parse_turn(frame.payload, TurnLimits())
        elif frame.type == "followup":
            turns.parse_followup(frame.payload)
        elif frame.type == "cancel":
            turns.parse_cancel_reason(frame.payload)
