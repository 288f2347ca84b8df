"""The command line of `audit`: look up, tell, write the bill of materials."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling import usage
from tooling.audit import accepted, materials, packages, report
from tooling.audit.advisories import SERVICES, Answer, NotLookedUp, look_up
from tooling.ending import told
from tooling.refusal import FAILED, REFUSED, Refusal, UsageError
from tooling.setup.progress import Progress
from tooling.setup.project import Project

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Hold every version of our locks against known advisories (pip-audit asks, by default PyPI), and write a bill of
materials (CycloneDX 1.6) with what each package says of its licence. Nothing has to be installed for it. An answer
counts only from a service that knows an old advisory when it is asked for one. TensorRT-LLM has no lock: audit its
environment with pip-audit itself.

Exceptions stand with their reasons under [tool.audit.accepted] in pyproject.toml."""
ENVIRONMENT = {
    "HTTPS_PROXY": "and NO_PROXY, REQUESTS_CA_BUNDLE: the way to the service",
    "NO_COLOR": "no colours, whatever the terminal",
}
CODES = """\
0 nothing known against any (or --offline: nothing was asked); 1 advisories, or an exception that
nothing needs; 2 usage; 3 advisories were not looked up, or not all; 130 interrupted"""
OFFLINE = "--offline"


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    made = usage.parser("just audit", DESCRIPTION, environment=ENVIRONMENT, codes=CODES)
    names = ", ".join(packages.ENVIRONMENTS)
    made.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help=f"{names}; default: all of them")
    made.add_argument("--sbom", type=Path, metavar="FILE", help="write the bill of materials there")
    made.add_argument(OFFLINE, action="store_true", help="ask nobody: licences and bill of materials alone")
    made.add_argument("--service", choices=SERVICES, default=SERVICES[0], help="who is asked (default: %(default)s)")
    made.add_argument("--osv-url", metavar="URL", help="an OSV of your own; goes with --service osv")
    made.add_argument("--json", action="store_true", dest="as_json", help="one JSON document instead of the table")
    return made


def run(argv: Sequence[str], environ: Mapping[str, str], root: Path = ROOT) -> int:
    """Do what the words say and return an exit code."""
    grammar = parser()
    asked = grammar.parse_args(argv)
    if asked.osv_url and asked.service != "osv":
        grammar.error("--osv-url goes with --service osv")
    return told("audit", lambda: _audit(asked, environ, Project(root)))


def _audit(asked: argparse.Namespace, environ: Mapping[str, str], project: Project) -> int:
    environments = _environments(asked.environments)
    every = packages.of(project, environments)
    reasons = accepted.read(project)
    if asked.sbom is not None:
        _write(asked.sbom, materials.bill(project, every))
    answer, why_not = Answer((), {}), OFFLINE
    if not asked.offline:
        answer, why_not = _ask(every, asked)
    whole = not why_not and set(environments) == set(packages.ENVIRONMENTS) and not answer.unanswered
    found = accepted.sort(answer.advisories, reasons, whole=whole)
    outcome = report.Outcome(tuple(environments), every, found, answer.unanswered, asked.service, why_not, asked.sbom)
    if asked.as_json:
        print(report.as_json(outcome), flush=True)
    elif not why_not:
        print(report.table(outcome, colours=sys.stdout.isatty() and not environ.get("NO_COLOR")), flush=True)
    if asked.as_json or why_not:
        print(f"audit: {report.summary(outcome)}", file=sys.stderr)
    if found.open or found.needless:
        return FAILED
    return REFUSED if (why_not and not asked.offline) or answer.unanswered else 0


def _environments(named: Sequence[str]) -> list[str]:
    unknown = [name for name in named if name not in packages.ENVIRONMENTS]
    if "trt" in unknown:
        raise UsageError("trt has no lock, its index is NVIDIA's: run pip-audit inside .venvs/trt")
    if unknown:
        raise UsageError(f"no environment is called {', '.join(unknown)}; there are {', '.join(packages.ENVIRONMENTS)}")
    return list(dict.fromkeys(named)) or list(packages.ENVIRONMENTS)


def _ask(every: Sequence[packages.Package], asked: argparse.Namespace) -> tuple[Answer, str]:
    progress = Progress(sys.stderr, 1, name="audit")
    try:
        with progress.step(f"asking {asked.service} about {len(every)} packages"):
            return look_up(every, asked.service, asked.osv_url, progress.tick), ""
    except NotLookedUp as error:
        return Answer((), {}), str(error)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, where it is a file; a pipe or a device gets it as it comes."""
    partial = path if path.exists() and not path.is_file() else path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, "utf-8")
        if partial != path:
            partial.replace(path)
    except OSError as error:
        if partial != path:
            partial.unlink(missing_ok=True)
        raise Refusal(f"--sbom: {path} cannot be written: {error.strerror or error}", REFUSED) from error


__all__ = ["parser", "run"]
