"""The closed sets of words. Each member is also the word itself, so that lower layers need not know these classes."""

import enum


class DeployMode(enum.StrEnum):
    """What is served."""

    CHAT = "chat"
    TOOL = "tool"
    BOTH = "both"

    @property
    def chats(self) -> bool:
        """Whether replies are generated."""
        return self is not DeployMode.TOOL

    @property
    def routes(self) -> bool:
        """Whether screenshot decisions are made."""
        return self is not DeployMode.CHAT


class EngineName(enum.StrEnum):
    """Chat engines."""

    TRT = "trt"
    VLLM = "vllm"
    SCRIPTED = "scripted"


class Quantization(enum.StrEnum):
    """Formats of the chat weights; `4bit` and `awq`, `gptq` and `gptq_marlin` mean the same."""

    AUTO = "auto"
    NONE = "none"
    FOUR_BIT = "4bit"
    AWQ = "awq"
    EIGHT_BIT = "8bit"
    FP8 = "fp8"
    INT8_SQ = "int8_sq"
    GPTQ = "gptq"
    GPTQ_MARLIN = "gptq_marlin"


class EightBit(enum.StrEnum):
    """8-bit formats of TensorRT-LLM builds."""

    FP8 = "fp8"
    INT8_SQ = "int8_sq"


class DistributedBackend(enum.StrEnum):
    """How vLLM spreads over processes: on one machine, or over several."""

    MP = "mp"
    RAY = "ray"


class TrtDtype(enum.StrEnum):
    """Compute precision of a TensorRT-LLM build."""

    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    AUTO = "auto"


class AwqScheme(enum.StrEnum):
    """4-bit schemes, with and without zero points."""

    ASYMMETRIC = "W4A16_ASYM"
    SYMMETRIC = "W4A16"


class LogLevel(enum.StrEnum):
    """Least level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(enum.StrEnum):
    """How a record is written."""

    TEXT = "text"
    JSON = "json"


class Gender(enum.StrEnum):
    """Persona genders with their aliases."""

    FEMALE = "female"
    MALE = "male"
    WOMAN = "woman"
    MAN = "man"


__all__ = [
    "AwqScheme",
    "DeployMode",
    "DistributedBackend",
    "EightBit",
    "EngineName",
    "Gender",
    "LogFormat",
    "LogLevel",
    "Quantization",
    "TrtDtype",
]
