"""From logits to the probability of yes: which label that is, and how it is read off the head."""

from collections.abc import Mapping

from attrs import frozen

from engines.errors import EngineStartFailed

YES_NAMES = ("yes", "true", "positive", "screenshot", "take_screenshot")
INDEX_OF_A_PAIR = 1
"""Yes in a head of two labels that says nothing else, as `LABEL_0` and `LABEL_1`."""


@frozen
class YesLabel:
    """The yes label. `index` None: the head has one logit and its sigmoid is the probability."""

    name: str
    index: int | None


def resolve_yes(labels: Mapping[int, str], asked: str | None = None) -> YesLabel:
    """The yes label among the head's labels, index to name; `asked`: name or index from the settings.

    Names are compared without regard to case. Raises `EngineStartFailed`: the label asked for does not exist, or there
    are more than two labels and none of them says yes.
    """
    if not labels:
        raise EngineStartFailed("the tool model's head has no labels")
    names = {name.strip().lower(): index for index, name in sorted(labels.items(), reverse=True)}
    if asked is not None:
        index = _asked(labels, names, asked)
    else:
        index = next((names[name] for name in YES_NAMES if name in names), INDEX_OF_A_PAIR)
        if index == INDEX_OF_A_PAIR and len(labels) > 2 and not _says_yes(labels[index]):
            raise EngineStartFailed(
                f"none of the tool model's {len(labels)} labels says yes: set TOOL_POSITIVE_LABEL to one of "
                + _listed(labels)
            )
    if len(labels) == 1:
        return YesLabel(next(iter(labels.values())), None)
    return YesLabel(labels[index], index)


def _asked(labels: Mapping[int, str], names: Mapping[str, int], asked: str) -> int:
    word = asked.strip().lower()
    if word in names:
        return names[word]
    # A head of one logit is a head of two labels that keeps quiet about the first: 1 is its yes as well as 0.
    indices = {0, INDEX_OF_A_PAIR} if len(labels) == 1 else set(labels)
    if word.isascii() and word.isdigit() and int(word) in indices:
        return int(word)
    raise EngineStartFailed(f"TOOL_POSITIVE_LABEL: the tool model has no label {asked!r}; it has {_listed(labels)}")


def _says_yes(name: str) -> bool:
    return name.strip().lower() in YES_NAMES


def _listed(labels: Mapping[int, str]) -> str:
    shown = [f"{name} ({index})" for index, name in sorted(labels.items())]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


__all__ = ["YES_NAMES", "YesLabel", "resolve_yes"]
