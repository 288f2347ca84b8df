"""uv, where it is there: the same packages from the same places as pip, sooner.

uv does not read pip's configuration. What stands there (indexes, folders, constraints, certificates) is handed over in
its environment, never in argv, because an index address may hold a password; what has no counterpart leaves the work
to pip.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tooling.setup.progress import Progress

# The oldest release whose variables and flags are the ones used here.
OLDEST = (0, 5, 0)
ANSWERS_S = 30.0
# pip's option to uv's variable, and what stands between several values there (None: one value).
COUNTERPARTS: Mapping[str, tuple[str, str | None]] = {
    "index-url": ("UV_DEFAULT_INDEX", None),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", None),
    "client-cert": ("SSL_CLIENT_CERT", None),
    "proxy": ("ALL_PROXY", None),
    "timeout": ("UV_HTTP_TIMEOUT", None),
    "default-timeout": ("UV_HTTP_TIMEOUT", None),
    "retries": ("UV_HTTP_RETRIES", None),
}
# Files, which may be named in argv.
FILES = {"constraint": "--constraint", "build-constraint": "--build-constraint"}
# Older names of the same variables: who set one of these has told uv already.
ALREADY = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
# How pip talks and where it keeps things: nothing of it changes what is installed from exact versions.
OF_NO_CONSEQUENCE = frozenset(
    {
        "break-system-packages",
        "cache-dir",
        "config-file",
        "debug",
        "disable-pip-version-check",
        "exists-action",
        "log",
        "no-cache-dir",
        "no-color",
        "no-input",
        "no-python-version-warning",
        "no-user",
        "no-warn-conflicts",
        "no-warn-script-location",
        "prefer-binary",
        "progress-bar",
        "quiet",
        "require-virtualenv",
        "root-user-action",
        "upgrade-strategy",
        "use-deprecated",
        "use-feature",
        "user",
        "verbose",
    }
)
SETTING = re.compile(r"^(?P<section>global|install|:env:)\.(?P<name>[a-z-]+)=(?P<value>.*)$")
FLAGS = {"--index-url": "--default-index", "--extra-index-url": "--index"}


@dataclass(frozen=True)
class Uv:
    """A usable uv: its program, the environment it runs in, and the flags of each install."""

    program: str
    environ: Mapping[str, str]
    flags: tuple[str, ...] = ()

    def venv(self, path: Path, interpreter: str) -> list[str]:
        """The command that makes a virtual environment, with pip in it."""
        return [self.program, "venv", "--quiet", "--seed", "--no-project", "--python", interpreter, str(path)]

    def install(self, python: Path, arguments: Sequence[str]) -> list[str]:
        """The command that does what `pip install ARGUMENTS` does in the environment of this interpreter."""
        wanted = [FLAGS.get(one, one) for one in arguments]
        return [self.program, "pip", "install", "--python", str(python), *self.flags, *wanted]


def find(environ: Mapping[str, str], interpreter: str, progress: Progress) -> Uv | None:
    """uv from PATH, told what pip of this interpreter is told. None, after a line, where it cannot be used."""
    program = shutil.which("uv", path=environ.get("PATH"))
    if program is None:
        return None
    version = _version(program, environ)
    if version < OLDEST:
        found = f"is {'.'.join(map(str, version))}" if any(version) else "does not say its version"
        progress.say(f"{program} {found}, {'.'.join(map(str, OLDEST))} or newer is needed: pip it is")
        return None
    configuration = _pip_configuration(environ, interpreter)
    if configuration is None:
        progress.say(f"pip's configuration cannot be read ({interpreter} -m pip config list), so uv is not used")
        return None
    told, flags, foreign = translated(configuration)
    if foreign:
        progress.say(f"uv cannot be told pip's {', '.join(foreign)}: pip it is")
        return None
    return Uv(program, _environment(environ, told), flags)


def translated(settings: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...], list[str]]:
    """pip's settings as uv's variables and flags, and the names of those that uv cannot be told."""
    told: dict[str, str] = {}
    flags: list[str] = []
    foreign = []
    for name, value in settings.items():
        if name in COUNTERPARTS:
            variable, between = COUNTERPARTS[name]
            told[variable] = value if between is None else between.join(value.split())
        elif name == "no-index":
            if value.lower() not in ("0", "false", "no", "off"):
                flags.append("--no-index")
        elif name in FILES:
            flags.extend(word for path in value.split() for word in (FILES[name], path))
        elif name not in OF_NO_CONSEQUENCE:
            foreign.append(name)
    return told, tuple(flags), foreign


def read_configuration(listing: str) -> dict[str, str]:
    """The lines of `pip config list` that matter to an install; the environment wins over files, as in pip."""
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        if match := SETTING.match(line):
            found[match["section"]][match["name"]] = str(ast.literal_eval(match["value"]))
    return {**found["global"], **found["install"], **found[":env:"]}


def _environment(environ: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in told.items() if ALREADY.get(name, name) not in environ}
    return {
        # One package from several indexes: the newest of all, as pip has it; exact versions leave nothing to confuse.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        # As pip does, so that a server's first start is not slower and its environment need not be writable.
        "UV_COMPILE_BYTECODE": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        **own,
        **environ,
        "NO_COLOR": "1",
    }


def _pip_configuration(environ: Mapping[str, str], interpreter: str) -> dict[str, str] | None:
    listing = _output([interpreter, "-m", "pip", "config", "list"], environ)
    return None if listing is None else read_configuration(listing)


def _version(program: str, environ: Mapping[str, str]) -> tuple[int, ...]:
    found = re.search(r"\buv (\d+)\.(\d+)\.(\d+)", _output([program, "--version"], environ) or "")
    return tuple(map(int, found.groups())) if found else (0, 0, 0)


def _output(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """What a program prints; None if it cannot be started, fails or hangs."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWERS_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


__all__ = ["OLDEST", "Uv", "find", "read_configuration", "translated"]
