"""Command-line words that set variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import SettingsError, split_flags


@pytest.mark.parametrize(
    ("argv", "flags", "others"),
    [
        (["--port", "9000", "chat"], {"--port": "9000"}, ["chat"]),
        (["--port=9000"], {"--port": "9000"}, []),
        (["--ws-idle-timeout-s", "3"], {"--ws-idle-timeout-s": "3"}, []),
        (["--chat-presence-penalty-min", "-1"], {"--chat-presence-penalty-min": "-1"}, []),
        (["--metrics-enabled", "chat"], {"--metrics-enabled": "1"}, ["chat"]),
        (["--metrics-enabled=no"], {"--metrics-enabled": "no"}, []),
        (["--detach", "x", "--", "--port", "1"], {}, ["--detach", "x", "--port", "1"]),
        (["--sentry-dsn", "x"], {}, ["--sentry-dsn", "x"]),
    ],
)
def test_words_are_split(argv: list[str], flags: dict[str, str], others: list[str]) -> None:
    assert split_flags(argv) == (flags, others)


@pytest.mark.parametrize("argv", [["--port"], ["--port", "--host", "x"]])
def test_a_flag_without_its_value_is_an_error_that_names_the_variable(argv: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"SERVER_PORT \(--port\): the flag needs a value"):
        split_flags(argv)


@given(st.lists(st.one_of(st.sampled_from(["--port", "--host=x", "--", "--compile"]), st.text(max_size=5))))
def test_no_words_raise_anything_else(argv: list[str]) -> None:
    try:
        flags, others = split_flags(argv)
    except SettingsError:
        return
    assert len(flags) + len(others) <= len(argv)
