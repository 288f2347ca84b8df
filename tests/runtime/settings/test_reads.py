"""No setting is dead: something outside of the settings reads each of them."""

import textwrap

import pytest

from protocol.sampling import DEFAULT_BOUNDS
from runtime.assembly import bounds
from runtime.settings import Settings
from runtime.settings.sections import FIELDS, VARIABLES
from runtime.settings.variable import Variable
from tests.runtime.settings.reads import read_by_clients, reads_by_file, reads_in

LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name"}
# It has one value; its effect is that every other one is refused.
REFUSED_ONLY = {"VLLM_USE_V1"}
# Read by the keys of the sampling ranges; a test below proves that each arrives.
SAMPLING = {f"CHAT_{bound.key.upper()}{end}" for bound in DEFAULT_BOUNDS for end in ("", "_MIN", "_MAX")}


def test_every_setting_is_read() -> None:
    read = set().union(*reads_by_file().values())
    unread = {
        variable.name
        for section, fields in FIELDS.items()
        for field, variable in fields.items()
        if (section, field) not in read
    } - (REFUSED_ONLY | SAMPLING)
    clients = {variable.name for variable in FIELDS["clients"].values()}
    assert unread - clients == set(), "nothing reads these settings: they have no effect"
    assert clients - read_by_clients(clients) == set(), "no client reads these"


def test_a_variable_that_no_client_names_is_not_read() -> None:
    assert read_by_clients(["TOOL_WS_NOTHING", "IDLE_NOTHING_SECONDS"]) == set()


def test_exceptions_are_settings() -> None:
    assert VARIABLES.keys() >= REFUSED_ONLY | SAMPLING


@pytest.mark.parametrize("variable", [VARIABLES[name] for name in sorted(SAMPLING)], ids=lambda v: v.name)
def test_every_sampling_range_reaches_the_sessions(variable: Variable) -> None:
    key, field = variable.name.removeprefix("CHAT_").lower(), "default"
    for ending, name in (("_min", "low"), ("_max", "high")):
        if key.endswith(ending) and key != "min_p":
            key, field = key.removesuffix(ending), name
    usual = {bound.key: bound for bound in bounds(Settings.from_env(LEAST))}[key]
    # Another value that keeps least, default and greatest in their order.
    ordinary = usual.high if usual.default != usual.high else usual.low
    value = ordinary if field == "default" else type(usual.high)((usual.low + usual.high) / 2)
    given = {variable.name: str(value)} if field == "default" else {f"CHAT_{key.upper()}": str(value)}
    changed = {bound.key: bound for bound in bounds(Settings.from_env(LEAST | given | {variable.name: str(value)}))}[
        key
    ]
    assert getattr(changed, field) == value != getattr(usual, field)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("settings.chat.max_len", {("chat", "max_len")}),
        ("self.settings.chat.max_len", {("chat", "max_len")}),
        ("chat = self.parts.settings.chat\nprint(chat.max_len)", {("chat", "max_len")}),
        ("a, b = settings.trt, settings.vllm\nb.enforce_eager", {("vllm", "enforce_eager")}),
        (
            "s, v = parts.settings, parts.settings.vllm\ns.chat.max_out\nv.kv_dtype",
            {("chat", "max_out"), ("vllm", "kv_dtype")},
        ),
        ("config.max_len", set()),
        ("parts.chat.max_len", set()),
        ("settings.chat.no_such_field", set()),
        ("other.trt.max_len", set()),
        ("'settings.chat.max_len'", set()),
    ],
)
def test_a_read_is_told_from_equal_names(source: str, found: set[tuple[str, str]]) -> None:
    assert reads_in(f"def f():\n{textwrap.indent(source, '    ')}") == found


def test_a_local_name_means_nothing_in_another_function() -> None:
    assert reads_in("def f():\n    place = settings.chat\ndef g(place):\n    return place.max_len") == set()
