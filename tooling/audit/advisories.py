"""Looks advisories up by pip-audit, and believes no answer that an empty database would give as well."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tooling.audit.packages import Package
from tooling.setup.project import lock_lines

SERVICES = ("pypi", "osv")
# A version with an advisory that every service has had for years: one that does not know it knows nothing.
PROOF = ("requests", "2.19.0", "CVE-2018-18074")
TIMEOUT_S = 15
LONGEST = 300
LOOKED_AT = re.compile(r"pip_audit\._cli:Auditing |could not be audited")
# pip-audit's own remarks on how it is called.
NOISE = ("WARNING:", "DEBUG:")
Tick = Callable[[str], None]


class NotLookedUp(Exception):
    """No service told of any advisory; the message says why, in one sentence."""


@frozen
class Advisory:
    """One advisory on one version. `known_as`: other names of it; `fixed_in`: empty where no version is known to be."""

    package: str
    version: str
    name: str
    known_as: tuple[str, ...]
    fixed_in: tuple[str, ...]
    summary: str

    @property
    def names(self) -> frozenset[str]:
        """All of its names."""
        return frozenset({self.name, *self.known_as})


@frozen
class Answer:
    """What a service told. `unanswered`: name to why nothing is known of it."""

    advisories: tuple[Advisory, ...]
    unanswered: Mapping[str, str]


def look_up(packages: Sequence[Package], service: str, url: str | None, tick: Tick) -> Answer:
    """Ask about every package, one after the other. `url`: another OSV. Raises `NotLookedUp`."""
    whom = f"{service} at {url}" if url else service
    words = ["--vulnerability-service", service, *(("--osv-url", url) if url else ())]
    name, version, known_as = PROOF
    proof, _ = _ask({name: version}, words, whom, lambda _: None)
    if known_as not in {other for one in proof for other in one.names}:
        raise NotLookedUp(f"{whom} does not know {known_as} of {name} {version}, so its silence on others says nothing")
    advisories: list[Advisory] = []
    unanswered: dict[str, str] = {}
    asked = 0
    for pins in _rounds(packages):
        found, lacking = _ask(pins, words, whom, _counting(tick, asked, len(packages)))
        advisories += found
        unanswered |= lacking
        asked += len(pins)
    return Answer(tuple(sorted(advisories, key=lambda one: (one.package, one.version, one.name))), unanswered)


def _rounds(packages: Sequence[Package]) -> list[dict[str, str]]:
    """Name to version; pip-audit takes one version of a package at a time."""
    rounds: list[dict[str, str]] = []
    for package in packages:
        fitting = next((each for each in rounds if package.name not in each), None)
        if fitting is None:
            rounds.append(fitting := {})
        fitting[package.name] = package.version
    return rounds


def _counting(tick: Tick, before: int, total: int) -> Callable[[int], None]:
    return lambda seen: tick(f"{before + seen}/{total} packages")


def _ask(
    pins: Mapping[str, str], words: Sequence[str], whom: str, seen: Callable[[int], None]
) -> tuple[list[Advisory], dict[str, str]]:
    """The advisories on these versions, and why nothing is known of some. How pip-audit ends tells neither."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, told = Path(folder) / "wanted.txt", Path(folder) / "told.json"
        wanted.write_text(lock_lines(pins), "utf-8")
        more = ["--requirement", str(wanted), "--output", str(told), "--cache-dir", folder]
        last = _run([*words, *more], seen)
        try:
            found = {one["name"]: one for one in json.loads(told.read_text("utf-8"))["dependencies"]}
        except (OSError, ValueError, KeyError) as error:
            raise NotLookedUp(f"{whom} gave no answer: {last}") from error
    answered = {name: one for name, one in found.items() if one.get("version") == pins.get(name)}
    return (
        [each for one in answered.values() for each in _advisories(one)],
        {
            f"{name}=={version}": str(found.get(name, {}).get("skip_reason", "no answer"))
            for name, version in pins.items()
            if name not in answered
        },
    )


def _run(words: Sequence[str], tick: Callable[[int], None]) -> str:
    """Run pip-audit to its end; returns the last line it said."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-v"]
    command += ["--format", "json", "--timeout", str(TIMEOUT_S), *words]
    last, seen = "it said nothing", 0
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stderr or ():
                if LOOKED_AT.search(line):
                    seen += 1
                    tick(seen)
                elif line.strip() and not line.startswith(NOISE):
                    last = line.strip()
        except BaseException:
            process.kill()
            raise
    return last.removeprefix("ERROR:pip_audit._cli:")[:LONGEST]


def _advisories(one: Mapping[str, Any]) -> list[Advisory]:
    return [
        Advisory(
            package=one["name"],
            version=one["version"],
            name=each["id"],
            known_as=tuple(sorted(each.get("aliases", ()))),  # a set of pip-audit's, in no order
            fixed_in=tuple(each.get("fix_versions", ())),
            summary=" ".join(str(each.get("description", "")).split()),
        )
        for each in one.get("vulns", ())
    ]


__all__ = ["PROOF", "SERVICES", "Advisory", "Answer", "NotLookedUp", "look_up"]
