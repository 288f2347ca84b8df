"""Making quantised exports for vLLM, and pushing them."""

from pathlib import Path

from attrs import frozen

from runtime.settings.groups.words import AwqScheme
from runtime.settings.kinds import Flag, Float, HubRepo, Int, Place, SmArch, Text, Word
from runtime.settings.variable import Lookup, optional, setting


def _under_yap_home(path: Path, of: Lookup) -> Path:
    return Path(of.text("YAP_HOME") or "") / path  # an absolute path stays as it is


@frozen(kw_only=True)
class Quantising:
    """Making quantised exports for vLLM, and pushing them."""

    awq_cache_dir: Path = setting(
        "AWQ_CACHE_DIR",
        Place("relative: under `YAP_HOME`"),
        Path("quant"),
        "Exports for vLLM, named by what went into them.",
        then=_under_yap_home,
    )
    awq_scheme: AwqScheme = setting(
        "AWQ_SCHEME", Word(AwqScheme), AwqScheme.ASYMMETRIC, "4 bits in groups of 128, with or without zero points."
    )
    awq_calib_dataset: str = setting("AWQ_CALIB_DATASET", Text(), "open_platypus", "Calibration data set.")
    awq_nsamples: int = setting("AWQ_NSAMPLES", Int(1), 64, "Calibration samples.")
    awq_seqlen: int = setting(
        "AWQ_SEQLEN", Int(1), 2048, "Calibration length, as given, but never more than the model takes."
    )
    force_rebuild: bool = setting(
        "FORCE_REBUILD", Flag(), False, "Ignore exports, checkpoints and engines that are already there."
    )
    gpu_sm_arch: str | None = optional(
        "GPU_SM_ARCH",
        SmArch(),
        "Architecture to make checkpoints for; to build an engine and to serve, it must be the machine's own.",
        unset="detected",
    )
    hf_push_repo_id: str | None = optional(
        "HF_PUSH_REPO_ID",
        HubRepo(),
        "Repository that is pushed to.",
        unset="required to push quantised files",
        flags=("--repo",),
    )
    hf_push_private: bool = setting("HF_PUSH_PRIVATE", Flag(), True, "Make a new repository private.")
    hf_license_fetch_timeout_s: float = setting(
        "HF_LICENSE_FETCH_TIMEOUT",
        Float(low=1, unit="seconds"),
        5.0,
        "How long the licence of the base model is looked for.",
    )


__all__ = ["Quantising"]
