"""Carries a command line out: decide, prepare, serve until the server ends."""

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.gpus import visible_gpus
from runtime.settings import EngineName, SettingsError, beneath, read_env_file
from tooling.cache import require_home
from tooling.refusal import Refusal
from tooling.run.announce import as_json, banner
from tooling.run.fitting import installed_version, require_fit
from tooling.run.grammar import USAGE, Command, UsageError, parse
from tooling.run.machine import require_gpu, require_port, require_trt
from tooling.run.plan import check, plan, with_demo

KEY_BYTES = 24
SERVER = ("-m", "runtime")
INTERRUPTED = 130
Ensure = Callable[[Sequence[str], Path, Callable[[str], None]], dict[str, Path]]
Serve = Callable[[Sequence[str], Mapping[str, str]], int]


def run(argv: Sequence[str], environ: Mapping[str, str], *, ensure: Ensure, serve: Serve) -> int:
    """Do what the words say and return an exit code; `serve` runs the server's command to its end."""
    try:
        command = parse(argv)
        if command.help:
            print(USAGE)
            return 0
        return _launch(command, environ, ensure, serve)
    except UsageError as error:
        _say(f"run: {error}")
        return 2
    except SettingsError as error:
        _say(str(error))
        return error.exit_status
    except Refusal as error:
        _say(f"run: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("run: interrupted")
        return INTERRUPTED


def _launch(command: Command, environ: Mapping[str, str], ensure: Ensure, serve: Serve) -> int:
    named = read_env_file(command.env_file) if command.env_file else {}
    if command.target == "trt" and command.mode != "tool" and not command.plan:
        require_trt()  # nothing else matters without it, and only this one sentence helps
    made_key = "made-up-at-start" if command.plan else secrets.token_urlsafe(KEY_BYTES)
    launch = plan(command, beneath(environ, named), made_key)
    settings = check(launch)
    if command.plan:
        print(as_json(launch, settings) if command.as_json else banner(launch, settings))
        return 0
    if command.target != "cpu":
        require_gpu()
    deployment = settings.deployment
    if deployment.deploy_mode.chats and deployment.inference_engine is EngineName.TRT:
        require_trt()
        require_fit(settings, visible_gpus(launch.environ), installed_version())
    require_port(deployment.server_bind_host, deployment.server_port)
    if launch.demo:
        home = require_home(deployment.yap_home)
        launch = with_demo(launch, ensure(launch.demo, home, _say))
        settings = check(launch)
    print(banner(launch, settings), flush=True)
    return serve([sys.executable, *SERVER], launch.environ)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["run"]
