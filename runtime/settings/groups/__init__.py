"""The sections of the settings, one frozen class each; every field is exactly one variable."""

from runtime.settings.groups.chat import Chat
from runtime.settings.groups.clients import Clients, Sanitize
from runtime.settings.groups.connections import Connections
from runtime.settings.groups.deployment import Deployment
from runtime.settings.groups.engine import Engine
from runtime.settings.groups.operations import Logs, Telemetry
from runtime.settings.groups.quantising import Quantising
from runtime.settings.groups.tools import Tools
from runtime.settings.groups.trt import Trt
from runtime.settings.groups.vllm import Vllm

__all__ = [
    "Chat",
    "Clients",
    "Connections",
    "Deployment",
    "Engine",
    "Logs",
    "Quantising",
    "Sanitize",
    "Telemetry",
    "Tools",
    "Trt",
    "Vllm",
]
