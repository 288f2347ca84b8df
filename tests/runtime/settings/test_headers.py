"""What goes out in the head of a request: read as written, or refused without showing it."""

import pytest

from runtime.settings import Settings, SettingsError
from runtime.settings.kinds import parse_headers

LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name"}
WITH = LEAST | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318"}


def problems(environ: dict[str, str]) -> list[str]:
    try:
        Settings.from_env(environ)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    text = "Authorization=Basic%20eDp5==, x-tenant = a b ,x-empty=,"
    assert parse_headers(text) == (("authorization", "Basic eDp5=="), ("x-tenant", "a b"), ("x-empty", ""))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hush", "has no = in entry 1; write name=value,name2=value2"),
        ("a=b,hush", "has no = in entry 2; write name=value,name2=value2"),
        ("hush hush=b", "has no header's name before the = of entry 1; write name=value,name2=value2"),
        ("=hush", "has no header's name before the = of entry 1; write name=value,name2=value2"),
        ("a=b,c=hush%0d%0ax: y", "has a character that no header may hold, a line break or beyond ASCII, in entry 2"),
        ("a=hush\u20ac", "has a character that no header may hold, a line break or beyond ASCII, in entry 1"),
        ("a=hush%ff", "has a character that no header may hold, a line break or beyond ASCII, in entry 1"),
        ("Content-Type=hush", "sets in entry 1 a header that the export itself sets; leave it out"),
        ("a=hush,A=hush", "sets in entry 2 a header that an entry before it sets"),
        (",,", "has no entry; write name=value,name2=value2"),
    ],
)
def test_what_is_no_list_of_headers_is_refused_and_not_shown(text: str, told: str) -> None:
    assert problems(WITH | {"OTEL_EXPORTER_OTLP_HEADERS": text}) == [f"OTEL_EXPORTER_OTLP_HEADERS: its value {told}"]


def test_headers_never_show_in_settings() -> None:
    settings = Settings.from_env(WITH | {"OTEL_EXPORTER_OTLP_HEADERS": "hush-name=hush"})
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("Bearer hush", "begins with the word Bearer, which is added; give the token alone"),
        ("hush hush", "has a blank or a character beyond ASCII in it, which no token has"),
        ("hush\u2026", "has a blank or a character beyond ASCII in it, which no token has"),
        ("hush\x07", "has a blank or a character beyond ASCII in it, which no token has"),
    ],
)
def test_what_is_no_token_is_refused_and_not_shown(token: str, told: str) -> None:
    assert problems(LEAST | {"AXIOM_API_TOKEN": token}) == [f"AXIOM_API_TOKEN: its value {told}"]


@pytest.mark.parametrize("name", ["AXIOM_DATASET", "AXIOM_METRICS_DATASET"])
def test_a_data_set_is_sent_as_a_header_and_can_be(name: str) -> None:
    (line,) = problems(LEAST | {name: "stimmen-\u00e4"})
    assert line.endswith("has a character beyond ASCII or a control character, and is sent as a header")
