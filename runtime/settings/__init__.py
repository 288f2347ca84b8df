"""The settings of a process: every variable, described once, read once, checked together."""

from runtime.settings.envfile import beneath, read_env_file, take_env_file
from runtime.settings.errors import Problem, SettingsError, report
from runtime.settings.flags import split_flags
from runtime.settings.groups.words import (
    AwqScheme,
    DeployMode,
    DistributedBackend,
    EightBit,
    EngineName,
    Gender,
    LogFormat,
    LogLevel,
    Quantization,
    TrtDtype,
)
from runtime.settings.reading import Source
from runtime.settings.root import Settings
from runtime.settings.secret import Secret

__all__ = [
    "AwqScheme",
    "DeployMode",
    "DistributedBackend",
    "EightBit",
    "EngineName",
    "Gender",
    "LogFormat",
    "LogLevel",
    "Problem",
    "Quantization",
    "Secret",
    "Settings",
    "SettingsError",
    "Source",
    "TrtDtype",
    "beneath",
    "read_env_file",
    "report",
    "split_flags",
    "take_env_file",
]
