"""The kinds of values a variable can have: how each is read, shown and described."""

from runtime.settings.kinds.base import Kind, Refused, did_you_mean, masked, shortened
from runtime.settings.kinds.headers import BearerToken, HeaderList, HeaderText, parse_headers
from runtime.settings.kinds.networks import Network, Networks
from runtime.settings.kinds.numeric import CloseCode, Flag, Float, Int, OnlyOn, plain
from runtime.settings.kinds.places import Dsn, HubRepo, Model, Place, Url
from runtime.settings.kinds.text import KeyList, Letters, OpenWord, PromptPrefix, SecretText, SmArch, Text, Word

__all__ = [
    "BearerToken",
    "CloseCode",
    "Dsn",
    "Flag",
    "Float",
    "HeaderList",
    "HeaderText",
    "HubRepo",
    "Int",
    "KeyList",
    "Kind",
    "Letters",
    "Model",
    "Network",
    "Networks",
    "OnlyOn",
    "OpenWord",
    "Place",
    "PromptPrefix",
    "Refused",
    "SecretText",
    "SmArch",
    "Text",
    "Url",
    "Word",
    "did_you_mean",
    "masked",
    "parse_headers",
    "plain",
    "shortened",
]
