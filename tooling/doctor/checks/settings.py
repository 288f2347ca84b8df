"""The settings: what is set and cannot be used, what is missing, what nobody reads."""

from tooling.doctor.choices import MIN_KEY
from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn

# Names of older releases that the installed vLLM's list does not have.
GONE_BACKENDS = {"XFORMERS": "unset it, or name FLASH_ATTN, FLASHINFER or TRITON_ATTN"}
KV_NAMES = {"int8": "int8_per_token_head"}


def valid(facts: Facts) -> Finding | None:
    """The server would take what is set."""
    problems = facts.choices.problems
    if not problems:
        return ok("values", "what is set can be used")
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return fail("values", f"{count}: {'; '.join(problems)}", "mend these variables; docs/settings.md has the ranges")


def complete(facts: Facts) -> Finding | None:
    """Nothing has to be named any more."""
    unset = facts.choices.unset
    if not unset:
        return None
    return ok("to be named", f"not set: {', '.join(unset)}; a launch is told them, or makes a demo model on the CPU")


def unheard(facts: Facts) -> Finding | None:
    """Nothing is set that will not be honoured."""
    ignored = facts.choices.warnings
    return warn("ignored", "; ".join(ignored), "unset it") if ignored else None


def near_misses(facts: Facts) -> Finding | None:
    """Nothing looks like a setting and is none."""
    misses = facts.choices.near_misses
    return warn("nobody reads", ", ".join(misses), "rename or unset it") if misses else None


def attention(facts: Facts) -> Finding | None:
    """The attention backend is one that vLLM still has."""
    backend = (facts.choices.attention_backend or "").upper()
    if facts.engine not in ("cpu", "vllm") or backend not in GONE_BACKENDS:
        return None
    return fail("attention", f"VLLM_ATTENTION_BACKEND is {backend}, which vLLM has no more", GONE_BACKENDS[backend])


def kv_dtype(facts: Facts) -> Finding | None:
    """The KV cache's type is one that vLLM has, perhaps under another name."""
    asked = facts.choices.kv_dtype
    if facts.engine not in ("cpu", "vllm") or asked not in KV_NAMES:
        return None
    return ok("KV_DTYPE", f"{asked} is called {KV_NAMES[asked]} by vLLM, and is passed on as that")


def env_file(facts: Facts) -> Finding | None:
    """A file with secrets is not for everybody."""
    path = facts.choices.open_env_file
    return warn(".env", f"{path} can be read by other users", f"chmod 600 {path}") if path else None


def keys(facts: Facts) -> Finding | None:
    """No key is so short that it can be guessed."""
    short = facts.choices.short_keys
    if not short:
        return None
    line = f"{short} of TEXT_API_KEY {'is' if short == 1 else 'are'} shorter than {MIN_KEY} characters"
    return warn("keys", line, "longer random ones: openssl rand -hex 24")


CHECKS: tuple[Check, ...] = (valid, complete, unheard, near_misses, attention, kv_dtype, env_file, keys)

__all__ = ["CHECKS", "attention", "complete", "env_file", "keys", "kv_dtype", "near_misses", "unheard", "valid"]
