"""What the rules say beyond the table, and the switches."""

import pytest

from actors.session.sanitizer import Families, Sanitizer
from tests.actors.session.sanitizer.feeding import joined, whole

SURVIVORS = (
    *(
        "Yes/no",
        "And/or",
        "Main.py",
        "8pm",
        "8/10",
        "8oz",
        "(5, 8)",
        "3.14",
        "$19.99",
        "V2.0",
        "A.m.",
        "E.g.",
        "U.S.A.",
    ),
    *("A < b", "2020-2024", "AT&T", "It’s", "Hey!!!", "What???", "Sooooo", "Call 415-555-2671", "#Hashtag"),
    *("Snake_case", "10:30", "1,000.5", "@Anna", "→ ∑ √ ©", "<Input disabled>", "Https:/x", "A@b", "(Y/n)"),
)


@pytest.mark.parametrize("text", SURVIVORS)
def test_ordinary_text_survives(text: str) -> None:
    assert whole(text) == text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("a<think>x</think>b", "A b"),
        ("<think>a</thinking>b</think>c", "C"),
        ("a <!-- <think> --> x </think> y --> b", "A b"),
        ("<thin\u212a>x", "X"),
        ("so <b class='x' id=y>bold</b>", "So bold"),
        ("<br/>x<br />y", "X y"),
        ('<a title="x>y">k</a>', "K"),
        ("<!doctype html>x <!doctypes> y", "X <!doctypes> y"),
        ("a &notit; b &not c &copy=1", "A &notit; b ¬ c &copy=1"),
        ("&amp;amp;lt; x", "< X"),
        ("&" + "#x1F602; ok", "Ok"),
    ],
)
def test_markup_and_reasoning(given: str, wanted: str) -> None:
    assert joined(list(given)) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("5 ** 3", "5 3"),
        ("2*3*4", "2 times 3 times 4"),
        ("5 *\n3", "5 3"),
        ("10 -5", "10 minus 5"),
        ("10– 5 and 10–20–30", "10 to 5 and 10 to 20 to 30"),
        ("Price: -$.50, -.5", "Price: minus $.50, minus .5"),
        ("5°C–10°C", "5 degrees Celsius to 10 degrees Celsius"),
        ("20% – 30%", "20 percent to 30 percent"),
        ("10 - -5", "10 - minus 5"),
        ("covid19 – five", "Covid19 five"),
        ("10 -", "10 -"),
        ("45°\nC", "45 degrees C"),
        ("100%25", "100 percent 25"),
        ("I-5 and T-1000", "I-5 and T-1000"),
    ],
)
def test_numbers(given: str, wanted: str) -> None:
    assert joined(list(given)) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("hello\\nhttps://x-y.io/a-b now", "Hello https://x-y.io/a-b now"),
        ("(see https://x.io/a_(b))", "(See https://x.io/a_(b))"),
        ("see https://x.io/.../a-b.", "See https://x.io/.../a-b."),
        ("visit www.a-b.com, xwww.a-b", "Visit www.a-b.com, xwww.a b"),
        ("hello /n world, /n/nhi", "Hello world, hi"),
        ("mailto:a-b@c.com.", "Mailto:a dash b at c dot com."),
        ("*+14155552671*", "Plus one four one five five five five two six seven one"),
        ("+14155552671x", "+14155552671x"),
        ("x" * 70 + "+14155552671", "X" + "x" * 69 + "+14155552671"),
        ("Ohhh, my", "Ooh, my"),
        ("wait... ~/a-b", "Wait...~/a-b"),
        ("a—-b a-—b", "A b a b"),
        ('say \\"it\\\'s\\" ok', "Say it's ok"),
        ("你-好 再见。", "你 好 再见。"),
        ("x\ud83dy", "Xy"),
    ],
)
def test_words(given: str, wanted: str) -> None:
    assert joined(list(given)) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("क\u200dष a\u200db", "क\u200dष a\u200db"),
        ("a\u200d b\ufe0f 1\ufe0f c\u20e3", "A b 1 c"),
        ("#\ufe0f\u20e3 *\u20e3 ok", "Ok"),
        ("🏴\U000e0067\U000e007f ok", "Ok"),
        ("™\ufe0f ™", "™"),
        ("x\u2028y\u3000z", "X y z"),
        ("bell\x07 nel\x85", "Bell nel"),
        ("x│y", "X y"),
    ],
)
def test_characters(given: str, wanted: str) -> None:
    assert joined(list(given)) == wanted


def test_labels_of_the_session_are_dropped_at_the_start_only() -> None:
    labels = ("Look here:", "MEMO", "show me", "show me now:", " ")
    assert joined(list("LOOK \n HERE: memo hi"), labels=labels) == "Hi"
    assert joined(list("memory"), labels=labels) == "Memory"
    assert joined(list("show me now: show me nothing"), labels=labels) == "Nothing"
    assert joined(list("so look here: x"), labels=labels) == "So look here: x"


TEXT = "*smiles* 5*3 is 15 😂 :) at a@b.co – <b>5</b> - 3%"


@pytest.mark.parametrize(
    ("families", "wanted"),
    [
        (Families(), "5 times 3 is 15 at a at b dot co 5 minus 3 percent"),
        (Families(contacts=False), "5 times 3 is 15 at a@b.co 5 minus 3 percent"),
        (Families(numbers=False), "5*3 is 15 at a at b dot co – 5 - 3%"),
        (Families(emoji=False), "5 times 3 is 15 😂 :) at a at b dot co 5 minus 3 percent"),
        (Families(markdown=False), "*Smiles* 5 times 3 is 15 at a at b dot co <b>5</b> - 3 percent"),
    ],
)
def test_each_family_can_be_left_alone(families: Families, wanted: str) -> None:
    sanitizer = Sanitizer(families=families)
    out = "".join(map(sanitizer.push, TEXT)) + sanitizer.flush()
    assert out == wanted


def test_emoji_that_stay_stay_whole() -> None:
    sanitizer = Sanitizer(families=Families(emoji=False))
    text = "👨\u200d👩\u200d👧 1\ufe0f\u20e3 ❤\ufe0f ok\ufe0f"
    assert "".join(map(sanitizer.push, text)) + sanitizer.flush() == text[:-1]


def test_reasoning_and_control_tokens_go_whatever_is_left_alone() -> None:
    sanitizer = Sanitizer(families=Families(contacts=False, numbers=False, emoji=False, markdown=False))
    text = "<think>secret</think>hi</think><|im_end|> <!-- c --> *x* a—b"
    assert sanitizer.push(text) + sanitizer.flush() == "Hi <!-- c --> *x* a—b"
