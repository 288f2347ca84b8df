"""A family of models as data: its tokenizer's tokens, its template, what its replies look like, what must come of them.

Each has a folder under `known/`: `family.toml` and the template, written for these tests in the family's public format.
"""

import tomllib
from functools import cache
from pathlib import Path

from attrs import field, frozen

KNOWN = Path(__file__).parent / "known"


@frozen(kw_only=True)
class Reply:
    """What a model says, token by token, and what a client must get of it.

    `says`: text, markers included; bytes are a token each. `runs_on`: what it would say if nothing stopped it there.
    `spoken`: the reply; empty for a turn that ends with `empty_model_output`. `ends`: the finish reason.
    """

    name: str
    says: tuple[str | bytes, ...]
    runs_on: str = ""
    spoken: str
    ends: str = "stop"


@frozen(kw_only=True)
class Family:
    """A family's data. Texts of tokens stand for their ids.

    `vocabulary`: the build, a key of `vocabularies.BUILDS`. `special` and `ordinary`: added tokens, marked special or
    not; `greedy` ones take the white space around them. `file`: where the checkpoint keeps the template.

    `format`: the reply format. `ends`: every stop token. `prompt`: the prompt of `TALK`, in full; `markers`: what in it
    is a marker to people and no token here. `gradually`: whether each turn's prompt goes on from the one before.
    `switch`: whether there is a thinking switch; `thinking`: what ends the prompt then, and `opened` whether it leaves
    thoughts open. `always_opened`: every prompt does. `served`: it is tried as a server process of its own. `aloud`:
    tried with the switch on.

    `opens`, `closes`: marks around thoughts. `answers`: marks in front of an answer. `over`: what ends a reply.
    `replies`: those that only this family has.
    """

    name: str
    title: str
    vocabulary: str
    special: tuple[str, ...]
    ordinary: tuple[str, ...]
    greedy: bool
    bos: str | None
    eos: str
    adds_bos: bool
    generation_eos: tuple[str, ...]
    file: str
    template: str = field(repr=False)

    format: str
    ends: tuple[str, ...]
    prompt: str
    markers: tuple[str, ...]
    gradually: bool
    switch: bool
    thinking: str
    opened: bool
    always_opened: bool
    served: bool
    aloud: bool

    opens: str
    closes: str
    answers: str
    over: str
    runs_on: str
    replies: tuple[Reply, ...]

    @property
    def among_thoughts(self) -> bool:
        """Whether its replies begin among thoughts, as it is tried."""
        return self.always_opened or (self.aloud and self.opened)

    @property
    def added(self) -> tuple[str, ...]:
        """Every added token."""
        return (*self.special, *self.ordinary)


@cache
def families() -> dict[str, Family]:
    """Every family by the name of its folder."""
    return {path.name: _read(path) for path in sorted(KNOWN.iterdir()) if path.is_dir()}


def _read(folder: Path) -> Family:
    data = tomllib.loads((folder / "family.toml").read_text(encoding="utf-8"))
    tokens, prompt, reply = data["tokens"], data["prompt"], data["reply"]
    runs_on = reply["runs_on"]
    return Family(
        name=folder.name,
        title=data["title"],
        vocabulary=tokens["vocabulary"],
        special=tuple(tokens["special"]),
        ordinary=tuple(tokens.get("ordinary", ())),
        greedy=tokens.get("greedy", False),
        bos=tokens.get("bos"),
        eos=tokens["eos"],
        adds_bos=tokens.get("adds_bos", False),
        generation_eos=tuple(tokens["generation_eos"]),
        file=data.get("file", "chat_template.jinja"),
        template=(folder / "chat_template.jinja").read_text(encoding="utf-8"),
        format=reply["format"],
        ends=tuple(reply["ends"]),
        prompt=prompt["text"],
        markers=tuple(prompt.get("markers", ())),
        gradually=prompt.get("gradually", True),
        switch="thinking" in prompt,
        thinking=prompt.get("thinking", ""),
        opened=prompt.get("opened", False),
        always_opened=prompt.get("always_opened", False),
        served=data.get("served", False),
        aloud=data.get("aloud", False),
        opens=reply.get("opens", "<think>"),
        closes=reply.get("closes", "</think>"),
        answers=reply.get("answers", ""),
        over=reply["over"],
        runs_on=runs_on,
        replies=tuple(
            Reply(
                name=more["name"],
                says=(more["says"],),
                runs_on=runs_on,
                spoken=more["spoken"],
                ends=more.get("ends", "stop"),
            )
            for more in data.get("replies", ())
        ),
    )


__all__ = ["Family", "Reply", "families"]
