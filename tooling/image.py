"""`python -m tooling.image (vllm|trt) [FLAGS]` builds an image of this checkout and loads it; it is never pushed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling import INTERRUPTED, usage
from tooling.refusal import FAILED, REFUSED, USAGE, Refusal

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("vllm", "trt")
TOKEN = "HF_TOKEN"  # noqa: S105  # the variable's name
ENVIRONMENT = {
    TOKEN: "for models that are baked and not public; the builder gets it as a secret, no layer has it",
    "DOCKER_HOST": "and Docker's other variables, which Docker reads",
}
CODES = "0 built, or planned; 1 the build failed; 2 usage; 3 no Docker here; 130 interrupted"
DESCRIPTION = """\
Build the image of an engine out of this checkout, and load it into Docker. Nothing is pushed anywhere. Without a model
nothing is baked: models are fetched when the container starts."""
# A base as Docker takes it; with its digest it is the same one for ever.
PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
# Build argument by flag, and the engine that alone has it.
ARGUMENTS = {
    "chat_model": ("CHAT_MODEL", None),
    "tool_model": ("TOOL_MODEL", None),
    "mode": ("DEPLOY_MODE", None),
    "engine_repo": ("TRT_ENGINE_REPO", "trt"),
    "engine_label": ("TRT_ENGINE_LABEL", "trt"),
    "base_image": ("BASE_IMAGE", None),
}


def command(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], bool, bool]:
    """The builder's argv, whether it is only planned, and whether that is told as JSON. Raises `Refusal`."""
    made = usage.parser("just image-vllm, just image-trt", DESCRIPTION, environment=ENVIRONMENT, codes=CODES)
    made.add_argument("engine", choices=ENGINES)
    made.add_argument("--tag", metavar="NAME", help="what it is called (yap-vllm, yap-trt)")
    made.add_argument("--chat-model", metavar="M", help="bake this chat model")
    made.add_argument("--tool-model", metavar="M", help="bake this tool model")
    made.add_argument("--mode", choices=("chat", "tool", "both"), help="what it serves unless it is told otherwise")
    made.add_argument("--engine-repo", metavar="R", help="trt: where the engine is, if not with the chat model")
    made.add_argument("--engine-label", metavar="L", help="trt: which engine to bake, sm90_trt-llm-1.2.1_cuda13.1")
    made.add_argument("--base-image", metavar="I", help="another base, or the same by digest: NAME@sha256:...")
    made.add_argument("--plan", action="store_true", help="print the builder's command line and build nothing")
    made.add_argument("--json", action="store_true", dest="as_json", help="the plan as JSON")
    asked = made.parse_args(argv)
    given = {flag: value for flag in ARGUMENTS if (value := getattr(asked, flag)) is not None}
    if asked.as_json and not asked.plan:
        made.error("--json goes with --plan")
    problems = [
        *_alien(asked.engine, given),
        *(_incomplete(given) if asked.engine == "trt" else []),
        *_half_pinned(given.get("base_image", "")),
    ]
    if problems:
        raise Refusal("; ".join(problems), USAGE)
    built = [f"{ARGUMENTS[flag][0]}={value}" for flag, value in given.items()]
    return (
        [
            *("docker", "buildx", "build", "--load", "--file", f"Dockerfile.{asked.engine}"),
            *("--tag", asked.tag or f"yap-{asked.engine}"),
            *(word for argument in built for word in ("--build-arg", argument)),
            *(("--secret", f"id=hf_token,env={TOKEN}") if environ.get(TOKEN, "").strip() else ()),
            ".",
        ],
        asked.plan,
        asked.as_json,
    )


def _alien(engine: str, given: Mapping[str, str]) -> list[str]:
    return [
        f"--{flag.replace('_', '-')} is TensorRT-LLM's: just image-trt"
        for flag in given
        if ARGUMENTS[flag][1] not in (None, engine)
    ]


def _incomplete(given: Mapping[str, str]) -> list[str]:
    """What `Dockerfile.trt` would refuse after its base was fetched."""
    if "chat_model" in given and "engine_label" not in given:
        return ["--chat-model needs --engine-label, the engine of that repository to bake"]
    if "chat_model" not in given and {"engine_repo", "engine_label"} & given.keys():
        return ["--engine-repo and --engine-label need --chat-model, whose engine is baked"]
    return []


def _half_pinned(base: str) -> list[str]:
    """A digest that is none would be found out by the registry alone."""
    if "@" in base and not PINNED.fullmatch(base):
        return [f"--base-image: {base} has no digest of 64 hexadecimal digits behind @sha256:"]
    return []


def base_of(built: Sequence[str], root: Path) -> str:
    """The base that a build will take: the one that is named, or the Dockerfile's."""
    named = [word.partition("=")[2] for word in built if word.startswith("BASE_IMAGE=")]
    dockerfile = root / built[built.index("--file") + 1]
    found = re.search(r"^ARG BASE_IMAGE=(\S+)", dockerfile.read_text("utf-8"), re.MULTILINE)
    return named[-1] if named else found[1] if found else ""


def require_docker(environ: Mapping[str, str]) -> str:
    """Docker's program. Raises `Refusal` where it is not there, has no buildx, or its daemon does not answer."""
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is None:
        raise Refusal("docker is not on PATH: install Docker with buildx (docs.docker.com/engine/install)", REFUSED)
    for words, remedy in (
        (("buildx", "version"), "install its buildx plugin"),
        (("version", "--format", "{{.Server.Version}}"), "start its daemon, or name another with DOCKER_HOST"),
    ):
        done = subprocess.run(
            [docker, *words], env=dict(environ), capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = next(iter(done.stderr.strip().splitlines()), "it said nothing")
            raise Refusal(f"docker {' '.join(words[:1])}: {said}; {remedy}", REFUSED)
    return docker


def run(argv: Sequence[str], environ: Mapping[str, str], root: Path = ROOT) -> int:
    """Do what the words say and return an exit code."""
    try:
        built, is_planned, as_json = command(argv, environ)
        base = base_of(built, root)
        if not PINNED.fullmatch(base):
            print(
                f"image: the base {base} is a tag, which may become another image: `docker buildx imagetools inspect "
                f"{base}` says its digest, --base-image {base}@sha256:... holds on to it",
                file=sys.stderr,
            )
        if is_planned:
            print(json.dumps({"command": built, "directory": str(root)}, indent=1) if as_json else shlex.join(built))
            return 0
        docker = require_docker(environ)
        print(shlex.join(built), file=sys.stderr, flush=True)
        code = subprocess.run([docker, *built[1:]], cwd=root, env=dict(environ), check=False).returncode
        if code:
            raise Refusal(f"the build failed ({code}); what it said stands above", FAILED)
    except Refusal as refusal:
        print(f"image: {refusal}", file=sys.stderr)
        return refusal.exit_code
    except KeyboardInterrupt:
        print("image: interrupted; what was built so far is in the builder's cache", file=sys.stderr)
        return INTERRUPTED
    return 0


__all__ = ["base_of", "command", "require_docker", "run"]

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
