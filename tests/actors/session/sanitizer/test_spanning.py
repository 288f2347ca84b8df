"""What comes out when, for the rules added since: blocks of any length, links, formulas, tables, tags that stay."""

import pytest

from actors.session.sanitizer import Families, Sanitizer
from engines.prompts.markers import BLOCKS, HARMONY, Block, Kind
from tests.actors.session.sanitizer.feeding import MOST_HELD, joined, sofar, whole

CLOSED = [block for block in BLOCKS if block.closers]
THOUGHTS = [block for block in CLOSED if block.kind is not Kind.TOOL_CALL]
BY_OPENER = pytest.mark.parametrize("block", CLOSED, ids=lambda block: block.opener)


@BY_OPENER
def test_a_block_of_any_length_is_dropped_as_it_comes(block: Block) -> None:
    sanitizer = Sanitizer()
    opener = block.opener if block.opener.endswith((">", "]", "▷")) else block.opener + "name>"
    assert sanitizer.push(f"So {opener}") == "So"
    for _ in range(1_000):
        assert sanitizer.push("plan <the [rest \\(of $it `\n") == ""
        assert sanitizer.held <= 1
    assert sanitizer.push(block.closers[0] + "Hello ") == " Hello"
    assert sanitizer.push("you") == ""
    assert sanitizer.flush() == " you"


@BY_OPENER
def test_a_block_that_never_closes_reaches_to_the_end(block: Block) -> None:
    assert joined(list(f"Hi {block.opener}x {block.closers[0][:-1]}")) == "Hi"


@pytest.mark.parametrize("block", THOUGHTS, ids=lambda block: block.opener)
def test_thoughts_that_the_prompt_opened_end_at_the_close_of_any_family(block: Block) -> None:
    assert joined(list(f"plan {block.opener}{block.closers[0]}Hi"), in_reasoning=True) == "Hi"


def test_a_channel_that_the_prompt_opened_ends_where_the_answer_begins() -> None:
    header = f"{HARMONY.start}assistant{HARMONY.channel}{HARMONY.answer}{HARMONY.message}"
    for between in (HARMONY.end, ""):
        assert joined(list(f"plan{between}{header}Hi{HARMONY.end}"), in_reasoning=True) == "Hi"


def test_a_long_tool_call_of_brackets_holds_nothing() -> None:
    sanitizer = Sanitizer()
    sanitizer.push("[TOOL_CALLS]f")
    for _ in range(1_000):
        assert sanitizer.push('{"a]": ["}\\"", ') == ""
        assert sanitizer.held <= 1
    assert sanitizer.push("]}" * 1_000 + "Hello ") == "Hello"


def test_a_target_vanishes_as_it_comes() -> None:
    out = sofar("see [the¦ docs](¦https://x.io/¦a_b) n¦ow ok")
    assert out[0] == "See"
    assert out[1] == "See the"
    assert out[3] == "See the docs"
    sanitizer = Sanitizer()
    sanitizer.push("[docs](")
    for _ in range(1_000):
        sanitizer.push("https://x.io/")
        assert sanitizer.held <= MOST_HELD // 2
    assert sanitizer.push(") now ok") == "Docs now"


def test_the_brackets_of_a_text_that_is_too_long_for_a_link_stay_in_pairs() -> None:
    text = "a word or two " * 6
    assert joined(list(f"[{text}](https://x.io/a) ok")) == f"[A{text[1:-1]} ] ok"
    assert joined(list(f"[{text}[b](u) c](https://x.io/a) ok")) == f"[A{text[1:]}b c] ok"
    assert whole(f"[{text}] ok") == f"[A{text[1:-1]} ] ok"


def test_money_delays_nothing() -> None:
    assert sofar("It costs $5¦ and¦ $10 now¦ ok")[:3] == ["It costs", "It costs $5", "It costs $5 and $10"]
    assert sofar("US$¦5 ok")[-1] == "US$5 ok"


def test_a_formula_is_out_once_it_is_closed_and_one_that_is_not_is_text() -> None:
    out = sofar("so $a +¦ b$¦ is¦ it")
    assert out[0] == "So"
    assert out[2] == "So a + b"
    text = "so $HOME is where " + "the heart is " * 10
    assert joined(list(text)) == "S" + text.strip()[1:]


def test_a_formula_between_other_delimiters_is_said_as_it_comes() -> None:
    out = sofar("so \\[ a¦ + b¦ + c¦ \\] ok")
    assert out[1] == "So a +"
    assert out[2] == "So a + b +"


def test_an_opened_formula_ends_by_itself() -> None:
    assert whole("a \\(b\n\nx^2 {c}") == "A b x^2 {c}"
    assert whole("$$ " + "word " * 200 + "x^2 {c}").endswith("word x^2 {c}")


def test_a_row_of_a_table_is_out_cell_by_cell() -> None:
    out = sofar("| one | two¦ | three¦ |\n¦|---|---|¦\n| 4 |")
    assert out[0] == "One,"
    assert out[1] == "One, two,"
    assert out[2] == out[3] == "One, two, three"
    assert out[4] == "One, two, three 4"


@pytest.mark.parametrize(
    "run", ["=", "\n=", "#", "\n#", "`", "\n> ", "|", "\n|", "|-", "\n| - ", "|---", "!", "_", "~"]
)
def test_a_long_run_of_marks_stays_within_the_bound(run: str) -> None:
    for text in (run, "\n" + run):
        sanitizer = Sanitizer()
        for _ in range(500):
            sanitizer.push(text)
            assert sanitizer.held <= MOST_HELD


def test_an_underline_of_any_length_vanishes() -> None:
    for size in (2, 63, 64, 65, 500):
        assert joined(list("Title\n" + "=" * size + " \nText")) == "Title Text"
        assert joined(list("Title\n" + "=" * size)) == "Title"


def test_a_wide_divider_vanishes() -> None:
    divider = "|" + ("-" * 40 + "|") * 8
    assert joined(list(f"| a | b |\n{divider}\n| 1 | 2 |")) == "A, b 1, 2"
    assert joined(list("|" + ":-:|" * 40 + "\nx")) == "X"


def test_many_cells_of_one_dash_are_data_once_they_are_too_many_to_wait() -> None:
    assert joined(list("|" + " - |" * 8 + "\nx")) == "X"
    assert joined(list("|" + " - |" * 40 + "\nx")).startswith("-, -, -")


@pytest.mark.parametrize(
    "construct",
    [
        "[a](b)",
        "$x$",
        "\\(x\\)",
        "<break/>",
        "5 km/h",
        "`x`",
        "_x_",
        "[TOOL_CALLS]f{}",
        "<https://x.io>",
        "\n# T",
        "\n|a|\n",
    ],
)
def test_the_lag_is_one_word_again_after_a_construct(construct: str) -> None:
    sanitizer = Sanitizer(keep_tags=("break",))
    out = sanitizer.push(f"so {construct} then ")
    for word, following in (("hello", "t"), ("there,", "w"), ("what", "n")):
        out += sanitizer.push(f"{word} ")
        out += sanitizer.push(following)
        assert out.endswith(word)
        out += sanitizer.push("o ")


def test_markdown_stays_where_its_family_is_left_alone() -> None:
    sanitizer = Sanitizer(families=Families(markdown=False), keep_tags=("break",))
    text = "# T\n[a](b) `c` _d_ $x^2$ <br> <break a='b-c d-e'/> [THINK]x[/THINK]<|im_end|><｜a｜>z</seed:think>"
    said = "".join(map(sanitizer.push, text)) + sanitizer.flush()
    assert said == "# T [a](b) `c` _d_ $x^2$ <br> <break a='b-c d-e'/> z"
