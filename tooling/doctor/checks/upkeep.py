"""What is kept and what runs: the cache, launches and their states, what a launch would do, tokens for pushes."""

from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn

SHOWN = 3


def cache(facts: Facts) -> Finding | None:
    """`YAP_HOME` can be one, and what lies there is whole."""
    found = facts.cache
    if found.trouble:
        return fail("cache", found.trouble, "name another YAP_HOME")
    if found.damaged:
        return warn(
            "cache",
            f"no longer whole: {_some(found.damaged)}",
            "the next launch that wants it makes it anew; just clean",
        )
    total = sum(found.sizes.values())
    kinds = ", ".join(f"{kind} {size:.1f}" for kind, size in found.sizes.items())
    making = f"; being made now: {_some(found.making)}" if found.making else ""
    return ok("cache", f"{total:.1f} GiB in {found.home}" + (f" ({kinds})" if kinds else "") + making)


def leftovers(facts: Facts) -> Finding | None:
    """Nothing half-made lies there whose maker is gone."""
    found = facts.cache
    if not found.abandoned:
        return None
    line = f"{found.abandoned_gib:.1f} GiB half made by processes that are gone: {_some(found.abandoned)}"
    return warn("left over", line, "the next one of its kind that is made sweeps them; or just clean")


def running(facts: Facts) -> Finding | None:
    """What runs because of us; shown, never touched."""
    living = [each.words for each in facts.launches if each.alive]
    return ok("running", "; ".join(living) if living else "no server of this project")


def stale(facts: Facts) -> Finding | None:
    """No launch claims to run that does not, and every state can be read."""
    found = [each.trouble or each.words for each in facts.launches if each.stale or each.trouble]
    if not found:
        return None
    return warn("stale state", f"nothing of it runs: {'; '.join(found)}", "just stop clears it")


def plan(facts: Facts) -> Finding | None:
    """What a launch with these settings would do, the room it needs included."""
    found = facts.planned
    if found is None:
        return None
    if found.trouble:
        return warn("plan", found.trouble, f"see what it says: just {_recipe(facts)} --plan")
    if found.refusals:
        return fail(
            "plan", "; ".join(found.refusals), f"mend what it says; just {_recipe(facts)} --plan tells all of it"
        )
    if found.work:
        return ok("plan", f"a launch would first do: {', '.join(found.work)}; {found.disk_gb:.1f} GB of disk")
    return ok("plan", "a launch has everything it needs")


def push_token(facts: Facts) -> Finding | None:
    """A push has a token."""
    repository = facts.choices.push_without_token
    if not repository:
        return None
    return warn(
        "token", f"HF_PUSH_REPO_ID is {repository}, and HF_TOKEN is not set", "set HF_TOKEN to one with write access"
    )


def _recipe(facts: Facts) -> str:
    return {"vllm": "run-vllm", "trt": "run-trt"}.get(facts.engine or "", "run")


def _some(paths: tuple[str, ...]) -> str:
    rest = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


CHECKS: tuple[Check, ...] = (cache, leftovers, running, stale, plan, push_token)

__all__ = ["CHECKS", "cache", "leftovers", "plan", "push_token", "running", "stale"]
