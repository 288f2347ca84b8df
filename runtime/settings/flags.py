"""Command-line words to the flags that `Settings.from_env` takes."""

from collections.abc import Sequence

from runtime.settings.errors import Problem, SettingsError
from runtime.settings.kinds import Flag
from runtime.settings.sections import FLAGS


def split_flags(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The words that set variables, as flag to text, and all other words in their order.

    `--port 9000`, `--port=9000`; a flag of yes-or-no kind stands alone (`--metrics-enabled`) and takes a value only
    after `=`. Words after `--` are left alone. Raises `SettingsError` for a flag whose value is missing.
    """
    flags: dict[str, str] = {}
    others: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            others.extend(words)
            break
        flag, equals, text = word.partition("=")
        if flag not in FLAGS:
            others.append(word)
        elif equals:
            flags[flag] = text
        elif isinstance(FLAGS[flag].kind, Flag):
            flags[flag] = "1"
        else:
            flags[flag] = _value(flag, next(words, None))
    return flags, others


def _value(flag: str, word: str | None) -> str:
    if word is None or word.startswith("--"):
        raise SettingsError([Problem(f"{FLAGS[flag].name} ({flag})", "the flag needs a value")])
    return word


__all__ = ["split_flags"]
