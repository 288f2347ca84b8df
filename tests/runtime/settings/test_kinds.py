"""Each kind of value: what it takes, what it refuses and how it says so."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import EngineName, Secret
from runtime.settings.kinds import (
    CloseCode,
    Dsn,
    Flag,
    Float,
    HubRepo,
    Int,
    KeyList,
    Kind,
    Letters,
    Model,
    Networks,
    OnlyOn,
    OpenWord,
    Place,
    PromptPrefix,
    Refused,
    SecretText,
    SmArch,
    Text,
    Url,
    Word,
)
from runtime.settings.sections import VARIABLES

WS = Url(("ws", "wss"), "/ws")
HTTP = Url(("http", "https"))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Int(0), "007", 7),
        (Int(1, 10), "10", 10),
        (Int(-5, 5), "-5", -5),
        (Int(-5, 5), "+5", 5),
        (Float(low=0), "0", 0.0),
        (Float(low=0), "-0", 0.0),
        (Float(low=0), "1e3", 1000.0),
        (Float(low=0), ".5", 0.5),
        (Float(above=0, high=0.98), "0.98", 0.98),
        (Float(low=-2, high=2), "-1.5", -1.5),
        (Flag(), "YES", True),
        (Flag(), "On", True),
        (Flag(), "0", False),
        (Flag(), "oFF", False),
        (OnlyOn("it is gone"), "true", True),
        (CloseCode(), "1000", 1000),
        (CloseCode(), "3000", 3000),
        (CloseCode(), "4999", 4999),
        (Word(EngineName), "TRT", EngineName.TRT),
        (OpenWord(("auto",), "others"), "FP8_E4M3", "fp8_e4m3"),
        (Text(5), "ééa", "ééa"),
        (Letters(), "wholesome", "wholesome"),
        (PromptPrefix(), 'SEE\x07 \\"IT\\":', "SEE IT:"),
        (KeyList(), "a,b", (Secret("a"), Secret("b"))),
        (SecretText(), "t", Secret("t")),
        (SmArch(), "sm90", "sm90"),
        (SmArch(), "90", "sm90"),
        (SmArch(), "9.0", "sm90"),
        (SmArch(), "12.0", "sm120"),
        (SmArch(), "SM_89", "sm89"),
        (Place(), "a/b", Path("a/b")),
        (Model(), "meta/llama 3", "meta/llama 3"),
        (Networks(), "10.0.0.0/8", (ip_network("10.0.0.0/8"),)),
        (Networks(), "127.0.0.1, fd00::/8", (ip_network("127.0.0.1/32"), ip_network("fd00::/8"))),
        (Networks(), "::1", (ip_network("::1/128"),)),
        (Networks(), "::ffff:10.1.0.0/112", (ip_network("10.1.0.0/16"),)),
        (HubRepo(), "owner/name-1.0", "owner/name-1.0"),
        (WS, "ws://h:1", "ws://h:1/ws"),
        (WS, "wss://h/", "wss://h/ws"),
        (WS, "WS://h/other?x=1", "WS://h/other?x=1"),
        (HTTP, "https://h/v1", "https://h/v1"),
        (Dsn(), "https://abc@o1.sentry.example/42", Secret("https://abc@o1.sentry.example/42")),
        (Dsn(), "http://abc:def@127.0.0.1:9000/under/here/7", Secret("http://abc:def@127.0.0.1:9000/under/here/7")),
    ],
)
def test_a_value_of_its_kind_is_read(kind: Kind[Any], text: str, value: object) -> None:
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Int(0), "-1", "is not an int >= 0"),
        (Int(0), "+1", "is not an int >= 0"),
        (Int(0), "1.0", "is not an int >= 0"),
        (Int(0), "1_000", "is not an int >= 0"),
        (Int(0), "٣", "is not an int >= 0"),
        (Int(0), "0x10", "is not an int >= 0"),
        (Int(0), "9" * 5000, "is too large"),
        (Int(0, 65535), "65536", "is not an int 0..65535"),
        (Int(0, 65535), "9" * 5000, "is not an int 0..65535"),
        (Float(above=0), "0", "is not a float > 0"),
        (Float(above=0), "-0.0", "is not a float > 0"),
        (Float(low=0), "nan", "is not a float >= 0"),
        (Float(low=0), "inf", "is not a float >= 0"),
        (Float(low=0), "1e999", "is not a float >= 0"),
        (Float(low=0), "1_0", "is not a float >= 0"),
        (Float(low=0), "0,5", "is not a float >= 0"),
        (Float(above=0, high=0.98), "0.99", "is not a float > 0, <= 0.98"),
        (Flag(), "2", "is not one of 1, true, yes, on, 0, false, no, off"),
        (Flag(), "flase", "(did you mean 'false'?)"),
        (OnlyOn("it is gone"), "0", "is not possible, it is gone"),
        (CloseCode(), "1001", "1000, 1008, 1013 or 3000..4999"),
        (CloseCode(), "5000", "1000, 1008, 1013 or 3000..4999"),
        (CloseCode(), "2999", "1000, 1008, 1013 or 3000..4999"),
        (Word(EngineName), "vlm", "is not one of trt, vllm, scripted (did you mean 'vllm'?)"),
        (Text(5), "ééé", "is longer than 5 bytes"),
        (Letters(), "very kind", "letters only"),
        (PromptPrefix(), "\x07", "is empty once"),
        (KeyList(), "a,", "keys separated by single commas"),
        (KeyList(), "a, b", "without blanks"),
        (KeyList(), ",", "none of them empty"),
        (SmArch(), "hopper", "sm90, 90 or 9.0"),
        (SmArch(), "9", "sm90, 90 or 9.0"),
        (Place(), "a\0b", "is not a path"),
        (Model(), "a\nb", "neither a hub id nor a directory"),
        (Networks(), "10.0.0.1/8", "has bits set outside its prefix (did you mean '10.0.0.0/8'?)"),
        (Networks(), "10.0.0.1,,::1", "is not addresses or networks"),
        (Networks(), "proxy.example", "is not addresses or networks"),
        (Networks(), "1", "is not addresses or networks"),
        (Networks(), "fe80::1%eth0", "is not addresses or networks"),
        (HubRepo(), "name", "owner/name"),
        (HubRepo(), "a/b/c", "owner/name"),
        (WS, "http://h", "is not a ws or wss URL"),
        (WS, "h:8000", "is not a ws or wss URL"),
        (WS, "ws://", "is not a ws or wss URL"),
        (WS, "ws://h:port", "is not a ws or wss URL"),
        (HTTP, "https://[::1", "is not a http or https URL"),
        (HTTP, "https://a b", "is not a http or https URL"),
        (Dsn(), "abc", "does not begin with https:// or http:// (https://KEY@HOST/PROJECT)"),
        (Dsn(), "abc@sentry.example/42", "does not begin with https:// or http://"),
        (Dsn(), "ftp://abc@sentry.example/42", "does not begin with https:// or http://"),
        (Dsn(), "https://sentry.example/42", "no public key and @ before the host"),
        (Dsn(), "https://:abc@sentry.example/42", "no public key and @ before the host"),
        (Dsn(), "https://abc@/42", "no host"),
        (Dsn(), "https://abc@sentry.example:0/42", "its port is 0"),
        (Dsn(), "https://abc@sentry.example:99999/42", "host or port cannot be read"),
        (Dsn(), "https://abc@[::1/42", "host or port cannot be read"),
        (Dsn(), "https://abc@[::1]/42", "IPv6"),
        (Dsn(), "https://abc@sentry.example", "does not end with the number of a project"),
        (Dsn(), "https://abc@sentry.example/42/", "does not end with the number of a project"),
        (Dsn(), "https://abc@sentry.example/my-project", "does not end with the number of a project"),
        (Dsn(), "https://abc@sentry.example/42?a=b", "does not end with the number of a project"),
        (Dsn(), "https://abc@sentry example/42", "holds blanks"),
        (Dsn(), "https://abc@sentry.example/42\n", "holds blanks"),
        (Dsn(), "https://abc@sentry.example/٤٢", "characters that no address has"),
    ],
)
def test_any_other_value_is_refused_with_what_is_allowed(kind: Kind[Any], text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        kind.parse(text)
    assert reason in str(refused.value)


def _shown_values(kind: Kind[Any]) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            value = kind.parse(text)
        except Refused:
            return
        if not kind.secret:
            assert kind.parse(kind.show(value)) == value

    return check


@given(
    st.sampled_from(list(VARIABLES.values())),
    st.one_of(st.text(min_size=1), st.integers().map(str), st.floats().map(repr)),
)
def test_what_a_kind_shows_it_reads_back_and_it_only_ever_refuses(variable: Any, text: str) -> None:
    if stripped := text.strip():
        _shown_values(variable.kind)(stripped)
