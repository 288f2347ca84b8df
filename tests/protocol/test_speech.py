"""The `speech` object of a first start."""

import pytest

from protocol.errors import PeerProtocolError
from protocol.limits import TurnLimits
from protocol.speech import Speech, parse_speech
from protocol.turns import Persona, parse_first_start, parse_turn

RESERVED = frozenset({"think", "tool_call"})
START = {"user_utterance": "hi", "chat_prompt": "be kind"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, Speech()),
        ({}, Speech()),
        ({"language": None, "keep_tags": None, "voice": "x"}, Speech()),
        ({"language": "fr"}, Speech(language="fr")),
        ({"language": "zh-Hant-TW"}, Speech(language="zh-Hant-TW")),
        ({"language": "x-klingon"}, Speech(language="x-klingon")),
        ({"language": "de-1996"}, Speech(language="de-1996")),
        ({"keep_tags": []}, Speech()),
        ({"keep_tags": ["Break", "amazon:effect", "break"]}, Speech(keep_tags=("break", "amazon:effect"))),
        ({"keep_tags": [f"t{index}" for index in range(16)]}, Speech(keep_tags=tuple(f"t{i}" for i in range(16)))),
    ],
)
def test_what_is_fine_is_taken(given: object, wanted: Speech) -> None:
    assert parse_speech({"speech": given}, RESERVED) == wanted


NO_LANGUAGE: tuple[object, ...] = ("", " ", "e", "en_US", "en-", "-en", "english language", "x", 1, [], "a" * 9)
NO_TAGS: tuple[object, ...] = (
    *("break", {}, 1, [1], [None], [""], ["<break>"], ["a b"], ["1a"], ["-"]),
    *(["t"] * 17, ["t" * 65], ["break", "think"], ["TOOL_CALL"], [["break"]]),
)
NO_SPEECH: tuple[object, ...] = (
    *("en", 1, True, [], [{}]),
    *({"language": value} for value in NO_LANGUAGE),
    {"language": "en-" + "-".join(["abcdefgh"] * 8)},
    *({"keep_tags": value} for value in NO_TAGS),
)


@pytest.mark.parametrize("given", NO_SPEECH, ids=repr)
def test_what_is_not_is_refused(given: object) -> None:
    with pytest.raises(PeerProtocolError) as caught:
        parse_speech({"speech": given}, RESERVED)
    assert (caught.value.code, caught.value.reason_code) == ("invalid_payload", "invalid_speech")
    assert "'speech" in str(caught.value)


def test_a_first_start_fixes_it_and_later_frames_are_not_read() -> None:
    speech = {"language": "fr", "keep_tags": ["break"]}
    first = parse_first_start({**START, "speech": speech}, TurnLimits())
    assert first.persona == Persona(chat_prompt="be kind", speech=Speech(language="fr", keep_tags=("break",)))
    assert parse_turn({**START, "speech": 7}, TurnLimits()).persona is None
    tool = parse_first_start({**START, "speech": 7}, TurnLimits(chat=False, tools=True))
    assert tool.persona == Persona()


def test_names_of_markers_are_refused_where_the_deployment_reserves_them() -> None:
    with pytest.raises(PeerProtocolError, match="item 0"):
        parse_first_start({**START, "speech": {"keep_tags": ["Think"]}}, TurnLimits(reserved_tags=RESERVED))
