"""Debian's packages without root: apt-get with lists and caches of its own, dpkg only to unpack."""

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling.parts.table import Part
from tooling.setup.errors import MachineError, SetupError
from tooling.setup.output import lines
from tooling.setup.progress import Progress

TOOLS = ("apt-get", "dpkg")
TAIL_LINES = 12
_DONE = re.compile(r"dlstatus:[^:]*:(\d+)")
_WOULD_INSTALL = re.compile(r"Inst (\S+) ")
# What apt takes for installed: any version of it will do, on every processor.
_INSTALLED = """\
Package: {name}
Status: install ok installed
Architecture: all
Version: 9999:1
Maintainer: none
Description: left out

"""
# What machines run after an update (catalogues of applications, clean-up) is for the system's own lists. The index
# caches would be written anew for each download. Root's apt would fetch as another user, who may not write here.
CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
APT::Status-Fd "1";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""


class Packages:
    """Fetches and unpacks packages; the machine's sources, keys and proxies hold, its lists and locks are not touched.

    `home`: a directory of apt's own, kept between calls. `environ`: PATH says which apt-get and dpkg.
    """

    def __init__(self, home: Path, environ: Mapping[str, str], progress: Progress) -> None:
        self._home = home
        # Its messages are read here and shown to people: the same language everywhere.
        self._environ = {**environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        self._progress = progress
        self._complaints: list[str] = []

    def update(self) -> None:
        """Fetch the lists of packages, as far as they changed.

        Nothing is raised: old lists can still do, and one dead source of many. Complaints are kept for `fetch`.
        """
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
        (self._home / "configuration").write_text(CONFIGURATION, "utf-8")
        # Which packages the machine has installed makes no difference to what is unpacked.
        (self._home / "status").touch()
        _, said = self._run("update", cwd=self._home)
        self._complaints = [line for line in said if line.startswith(("W:", "E:"))]

    def with_dependencies(self, packages: Sequence[str], leaves_out: Sequence[str]) -> list[str]:
        """These packages and all that they need, but for what is left out and what only that needs. Downloads nothing.

        Raises `SetupError` with what apt-get said, now and at the update.
        """
        (self._home / "left-out").write_text("".join(_INSTALLED.format(name=name) for name in leaves_out), "utf-8")
        code, said = self._run(
            *("install", "--simulate", "--no-install-recommends", *packages),
            cwd=self._home,
            status="left-out",
            keep=None,
        )
        needed = [found.group(1) for line in said if (found := _WOULD_INSTALL.match(line))]
        if code or not {*packages} <= {*needed}:
            why = f"{_words(packages)} cannot be had here: apt-get ended with {code}"
            raise self._failed(why, said[-TAIL_LINES:])
        return needed

    def fetch(self, packages: Sequence[str], into: Path) -> list[Path]:
        """Download packages into a directory; their files. apt checks each against the signed lists.

        Raises `SetupError` with what apt-get said, now and at the update.
        """
        code, said = self._run("download", *packages, cwd=into)
        found = sorted(into.glob("*.deb"))
        if code or len(found) != len(packages):
            raise self._failed(
                f"{_words(packages)} cannot be downloaded: apt-get ended with {code}, {len(found)} of {len(packages)}"
                " packages are here",
                said,
            )
        return found

    def _failed(self, why: str, said: Sequence[str]) -> SetupError:
        return SetupError(
            f"{why}. Its last lines:\n{_indented([*self._complaints, *said])}\n"
            "Check this machine's network and its package sources (/etc/apt), then run this again."
        )

    def unpack(self, package: Path, into: Path) -> None:
        """Unpack one package's files. Raises `SetupError` with what dpkg said."""
        command = ["dpkg", "--extract", str(package), str(into)]
        done = subprocess.run(
            command, env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.splitlines()[-TAIL_LINES:]
            raise SetupError(f"{package.name} cannot be unpacked: dpkg ended with {done.returncode}\n{_indented(said)}")

    def _run(
        self, *arguments: str, cwd: Path, status: str = "status", keep: int | None = TAIL_LINES
    ) -> tuple[int, list[str]]:
        """apt-get's exit code and its last lines (all: None), without those that only tell how far it is."""
        options = {
            "Dir::State": self._home / "state",
            "Dir::State::lists": self._home / "state" / "lists",
            "Dir::State::status": self._home / status,
            "Dir::Cache": self._home / "cache",
        }
        command = ["apt-get", "--config-file", str(self._home / "configuration"), "-q"]
        for name, value in options.items():
            command += ["--option", f"{name}={value}"]
        tail: deque[str] = deque(maxlen=keep)
        done = "asking"
        with subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in lines(process):
                if told := _DONE.match(line):
                    done = f"{told.group(1)} %"
                elif line:
                    tail.append(line)
                self._progress.tick(done)
        return process.returncode, list(tail)


def require_tools(wanted: Sequence[Part], environ: Mapping[str, str]) -> None:
    """Raises `MachineError` that names the tools and the parts that are missing, and what to do."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=environ.get("PATH")) is None]
    if missing:
        parts = "; ".join(f"{part.name} (programs: {', '.join(part.programs)})" for part in wanted)
        raise MachineError(
            f"not here and not to be had: {parts}.\n"
            f"They are unpacked from Debian's packages, and this machine has no {_words(missing, 'or')}: run this on"
            " Debian or Ubuntu, a container of one will do; root is not needed."
        )


def _words(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _indented(said: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in said) or "    (it said nothing)"


__all__ = ["Packages", "require_tools"]
