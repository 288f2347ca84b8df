"""Whole characters, each once, however they were cut into tokens; and requests that end once."""

from hypothesis import given
from hypothesis import strategies as st

from engines.base import Aborted, Delta, Failed, Finished, FinishReason, Output, Usage
from engines.errors import EngineDead, EngineUnavailable, TurnFailed
from engines.trt.decoding import TextStream
from engines.trt.ledger import Ledger, first_death

TEXTS = st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]))


def _decode(ids: list[int]) -> str:
    # A byte is a token: the worst that can happen to characters.
    return bytes(ids).decode(errors="replace")


@given(prompt=TEXTS, text=TEXTS, step=st.integers(1, 7))
def test_pieces_are_whole_characters_and_add_up(prompt: str, text: str, step: int) -> None:
    stream = TextStream.after(list(prompt.encode()), _decode)
    ids = list(text.encode())
    pieces = [stream.add(ids[at : at + step]) for at in range(0, len(ids), step)]
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) + stream.end() == text


@given(text=TEXTS, cut=st.integers(1, 3))
def test_a_reply_cut_within_a_character_loses_that_character_only(text: str, cut: int) -> None:
    ids = list(f"{text}👩".encode())[:-cut]
    stream = TextStream.after([], _decode)
    assert stream.add(ids) + stream.end() == text


def test_bytes_that_never_become_a_character_do_not_hold_up_the_rest() -> None:
    stream = TextStream.after([], _decode)
    shown = stream.add([0xFF] * 8 + list(b"ok"))
    assert shown.endswith("ok")


@given(before=TEXTS, stray=st.lists(st.integers(0x80, 0xBF), min_size=1, max_size=6), after=TEXTS)
def test_a_stray_byte_takes_no_character_beside_it_along(before: str, stray: list[int], after: str) -> None:
    stream = TextStream.after([], _decode, {byte: byte for byte in range(256)})
    ids = [*before.encode(), *stray, *after.encode()]
    assert stream.add(ids) + stream.end() == bytes(ids).decode(errors="ignore")


OUTPUTS: st.SearchStrategy[Output] = st.sampled_from(
    [
        Delta("a", 1),
        Finished(FinishReason.STOP, Usage()),
        Aborted(),
        Failed(TurnFailed("one")),
        Failed(EngineDead("all")),
    ]
)
NAMES = st.sampled_from(["r1", "r2"])


@given(steps=st.lists(st.tuples(NAMES, st.one_of(OUTPUTS, st.just("abort")))))
def test_a_request_ends_once_and_is_silent_after_its_abort(steps: list[tuple[str, Output | str]]) -> None:
    ledger = Ledger()
    for name in ("r1", "r2"):
        ledger.add(name)
    aborted: set[str] = set()
    seen: dict[str, list[Output]] = {"r1": [], "r2": []}
    for name, what in steps:
        if isinstance(what, str):
            first = ledger.abort(name)
            assert first == (name not in aborted and not _ended(seen[name]))
            aborted |= {name} if first else set()
            continue
        for got, output in ledger.sift([(name, what)]):
            if isinstance(output, Delta) and (got in aborted or _ended(seen[got])):
                assert output.text == "", "tokens for nobody are counted, and no more"
                continue
            assert not _ended(seen[got])
            assert got not in aborted or isinstance(output, Aborted) or first_death([(got, output)]) is not None
            seen[got].append(output)
    for name, output in ledger.fail_all(EngineUnavailable("closed")):
        assert not _ended(seen[name])
        seen[name].append(output)
    assert all(_ended(outputs) for outputs in seen.values())
    assert len(ledger) == 0


def _ended(outputs: list[Output]) -> bool:
    return any(not isinstance(output, Delta) for output in outputs)
