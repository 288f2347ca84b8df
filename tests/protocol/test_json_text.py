"""JSON within bounds: any text against the standard library's reading of it, and every bound from both sides."""

import json
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol import json_text
from protocol.json_text import AT_ONCE_CHARS, MAX_DEPTH, MAX_DIGITS, MAX_VALUES, WINDOW_CHARS, NotJson, parse


def reference(text: str) -> object:
    """What the text holds, without a thought for what it costs."""

    def refused(_name: str) -> NoReturn:
        raise ValueError

    value = json.loads(text.removeprefix("\ufeff"), parse_constant=refused)
    depth, values = size(value)
    if depth > MAX_DEPTH or values > MAX_VALUES:
        raise ValueError
    return scrubbed(value)


def size(value: object) -> tuple[int, int]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    sizes = [size(item) for item in inner]
    deeper = 1 if isinstance(value, dict | list) else 0
    return max((depth for depth, _ in sizes), default=0) + deeper, 1 + sum(count for _, count in sizes)


def scrubbed(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(item) for key, item in value.items()}
    return [scrubbed(item) for item in value] if isinstance(value, list) else value


def outcome(read: Any, text: str) -> str:
    """The value as text, exactly (1 is not 1.0, nor True), or that there is none."""
    try:
        return repr(read(text))
    except (ValueError, RecursionError):
        return "not JSON"


TEXTS = st.text(st.characters(categories=None), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
JSON = st.one_of(
    st.builds(json.dumps, VALUES, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 0, 1])),
    st.text('{}[]",:\\u0d8D9cC1eE+-. \t\n\x00\ufeff\ud83d\ude00truefalsn', max_size=30),
    st.builds(
        lambda text, at, junk: text[: at % (len(text) + 1)] + junk + text[at % (len(text) + 1) :],
        VALUES.map(json.dumps),
        st.integers(0, 500),
        st.text('"{}[],:\\u0 e.-\ud800', max_size=3),
    ),
)


@given(JSON)
@example('"\\ud83d\\ude00 \\ud83d \\ude00\\ud83d"')
@example('{"a": 1, "a": [2], "\\u0061": 3}')
@example("[1e400, -1e400, 1E5, -0, -0.0, 1e-400, 18446744073709551616, 00]")
@example("[NaN]")
@example("-Infinity")
@example('\ufeff{"a": "\ufeff"}')
@example("\ufeff\ufeff1")
@example('["a\tb"]')
@example("[1,]")
@example('{"a" 1}')
@example("[1}")
@example("1 2")
@example("\x0c1")
def test_what_a_text_holds_is_what_the_standard_library_reads(text: str) -> None:
    wanted = outcome(reference, text)
    assert outcome(parse, text) == wanted
    start = 1 if text.startswith("\ufeff") else 0
    assert outcome(lambda text: json_text._Walk(text, start).document(), text) == wanted


@given(TEXTS.filter(bool), st.integers(-9, 9), st.booleans())
def test_a_string_longer_than_a_window_is_read_whole(unit: str, more: int, escaped: bool) -> None:
    plain = ("x" * (WINDOW_CHARS + more)) + unit * 3
    text = json.dumps([plain, unit], ensure_ascii=escaped)
    assert parse(text) == reference(text)


@pytest.mark.parametrize("shift", range(-13, 2))
def test_an_escaped_pair_across_the_end_of_a_window_is_one_character(shift: int) -> None:
    assert parse('"' + "x" * (WINDOW_CHARS + shift) + '\\ud83d\\ude00\\\\ud83d"') == (
        "x" * (WINDOW_CHARS + shift) + "😀\\ud83d"
    )


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize("padding", ["", " " * (AT_ONCE_CHARS + WINDOW_CHARS)], ids=["short", "long"])
def test_depth_is_bounded_exactly(padding: str) -> None:
    assert parse(padding + nested(MAX_DEPTH)) == json.loads(nested(MAX_DEPTH))
    assert parse(padding + nested(MAX_DEPTH, '{"a":', "}")) == json.loads(nested(MAX_DEPTH, '{"a":', "}"))
    assert len(parse(padding + "[" + "[]," * 3000 + "[]]")) == 3001  # type: ignore[arg-type]
    for opening, closing in (("[", "]"), ('{"a":', "}"), ("[[],", "]")):
        with pytest.raises(NotJson):
            parse(padding + nested(MAX_DEPTH + 1, opening, closing))


@pytest.mark.parametrize("item", ["1", "[]", "{}", '""', '{"a":{}}', "[ ]", "null", '"' + "é" * 50 + '"'])
def test_the_number_of_values_is_bounded_exactly(item: str) -> None:
    each = size(json.loads(item))[1]
    fitting = (MAX_VALUES - 1) // each
    assert len(parse("[" + ",".join([item] * fitting) + "]")) == fitting  # type: ignore[arg-type]
    with pytest.raises(NotJson):
        parse("[" + ",".join([item] * (fitting + 1)) + "]")


def test_numbers_are_bounded_as_python_bounds_integers() -> None:
    longest = "9" * MAX_DIGITS
    for number in (longest, "-" + longest):
        assert parse(number) == parse(" " * AT_ONCE_CHARS + number) == int(number)
    assert parse("1." + longest) == parse(" " * AT_ONCE_CHARS + "1." + longest) == 2.0
    for number in (longest + "9", f"-{longest}9", "1." + "1" * AT_ONCE_CHARS, "1" * (2 * WINDOW_CHARS)):
        with pytest.raises(NotJson):
            parse(f"[{number}]")


TWO_MEBIBYTES = 2 << 20
SHAPES = {
    "one string": '"' + "a" * TWO_MEBIBYTES + '"',
    "one string of escapes": '"' + '\\"' * (TWO_MEBIBYTES // 2) + '"',
    "one string of escaped characters": '"' + "\\u4e2d" * (TWO_MEBIBYTES // 6) + '"',
    "one string of escaped pairs": '"' + "\\ud83d\\ude00" * (TWO_MEBIBYTES // 12) + '"',
    "one string of lone halves": '"' + "\\ud83d" * (TWO_MEBIBYTES // 6) + '"',
    "one string beyond the basic plane": '"' + "😀" * (TWO_MEBIBYTES // 4) + '"',
    "one long key": '{"' + "k" * TWO_MEBIBYTES + '": 1}',
    "blanks": " " * TWO_MEBIBYTES + "1",
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_frame_of_the_greatest_size_is_read_whatever_its_shape(name: str) -> None:
    assert parse(SHAPES[name]) == scrubbed(json.loads(SHAPES[name]))


REFUSED = {
    "arrays": "[" + "[]," * 700_000 + "[]]",
    "objects": "[" + '{"a":{}},' * 230_000 + "1]",
    "strings": "[" + '"",' * 700_000 + "1]",
    "numbers": "[" + "1," * 1_000_000 + "1]",
    "integers of the greatest length": "[" + ("9" * 4301 + ",") * 480 + "1]",
    "opened only": "[" * TWO_MEBIBYTES,
    "closed only": "]" * TWO_MEBIBYTES,
    "a string without an end": '"' + "a" * TWO_MEBIBYTES,
    "quotes": '"' * TWO_MEBIBYTES,
    "backslashes": '"' + "\\" * TWO_MEBIBYTES,
    "half an escape at the end": '"' + "a" * TWO_MEBIBYTES + "\\u12",
    "no JSON": "x" * TWO_MEBIBYTES,
    "nothing but blanks": " " * TWO_MEBIBYTES,
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_frame_beyond_a_bound_is_refused_without_a_word_of_what_it_holds(name: str) -> None:
    with pytest.raises(NotJson) as caught:
        parse(REFUSED[name])
    assert len(str(caught.value)) < 80
    assert caught.value.__context__ is None
