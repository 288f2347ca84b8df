"""The environment that makes exports for vLLM: there, as pinned, apart from vLLM's, importable."""

from tooling.doctor.checks.versions import differing
from tooling.doctor.facts import Facts, Inside
from tooling.doctor.finding import Check, Finding, fail, ok, warn

AGAIN = "just setup quant"
WRITER, FORMAT = "llmcompressor", "compressed-tensors"
SPLIT = (
    "vLLM and llmcompressor ask for different versions of it, hence their environments; what the newer one writes the "
    "older one reads"
)


def there(facts: Facts) -> Finding | None:
    """It was made, if anything asks for it."""
    inside = facts.quantiser.inside
    if inside is None:
        if not facts.quantiser.wanted:
            return None
        return warn(
            "quantising",
            "CHAT_QUANTIZATION asks for a format that may have to be made, and .venvs/quant is not there",
            AGAIN,
        )
    if inside.trouble:
        return fail("quantising", f"{inside.executable}: {inside.trouble}", AGAIN)
    found = inside.packages.get(WRITER)
    if found is None:
        return fail("quantising", f"{WRITER} is not installed in {inside.executable}'s environment", AGAIN)
    return ok("quantising", f"{WRITER} {found}, torch {inside.packages.get('torch', 'missing')}, {inside.executable}")


def split(facts: Facts) -> Finding | None:
    """Each of the two environments has the version of the format's library that it was pinned to."""
    inside = _usable(facts)
    if inside is None:
        return None
    writes, reads = inside.packages.get(FORMAT), facts.inside.packages.get(FORMAT)
    line = f"{FORMAT}: exports are written with {writes or 'none'}" + (f", read with {reads}" if reads else "")
    if writes != facts.quantiser.pins.get(FORMAT, writes) or writes is None:
        return fail("formats", f"{line}; {WRITER} needs {facts.quantiser.pins.get(FORMAT)}. {SPLIT}", AGAIN)
    wanted = facts.pins.get(FORMAT)
    if wanted and reads and reads != wanted:
        return fail("formats", f"{line}; vLLM needs {wanted}. {SPLIT}", f"just setup {facts.engine}")
    return ok("formats", line)


def pinned(facts: Facts) -> Finding | None:
    """What is installed is what the lock says."""
    inside = _usable(facts)
    if inside is None or not facts.quantiser.pins:
        return None
    other = differing(inside.packages, facts.quantiser.pins)
    if not other:
        return ok("quantising pins", f"{len(facts.quantiser.pins)} pinned packages are as pinned")
    return warn("quantising pins", other, AGAIN)


def imports(facts: Facts) -> Finding | None:
    """Its library can be imported."""
    error = facts.quantiser.import_error
    if error is None:
        return None
    if error:
        return fail("quantising import", error, f"mend what it says, or make it again: {AGAIN}")
    return ok("quantising import", f"{WRITER} can be imported")


def _usable(facts: Facts) -> Inside | None:
    inside = facts.quantiser.inside
    return None if inside is None or inside.trouble or WRITER not in inside.packages else inside


CHECKS: tuple[Check, ...] = (there, split, pinned, imports)

__all__ = ["CHECKS", "imports", "pinned", "split", "there"]
