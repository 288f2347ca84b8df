"""`python -m tooling.models.worker JOB` looks a model up or fetches it, and writes `result.json` beside the job.

JOB is a file of JSON: `task` (resolve or fetch), `name`, `revision`; for fetch also `files` (bytes by path).
The result is `model` or `path`, or `refusal` and `code` where the Hub or the machine says no.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict

from tooling.models.worker.answers import Asked, refused
from tooling.models.worker.bearing import bearer
from tooling.models.worker.fetching import Order, fetch
from tooling.models.worker.resolving import Hub, is_down
from tooling.models.worker.standstill import watched
from tooling.refusal import FAILED
from tooling.usage import answer_help, page

VARIABLES = "the Hub library's: HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE"
CODES = "0 there is a result, 1 it failed in a way that nobody foresaw, 2 usage"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do the job; the exit code."""
    answer_help(__doc__, argv, environment=VARIABLES, codes=CODES)
    if len(argv) != 1:
        print(page(__doc__ or "", environment=VARIABLES, codes=CODES), file=sys.stderr)
        return 2
    path = Path(argv[0])
    job = json.loads(path.read_text(encoding="utf-8"))
    told, token = path.with_name("result.json"), None
    try:
        token = bearer(environ)
        with watched(_say, lambda why: _give_up(told, job["name"], why)):
            result = _do(job, token)
    except Exception as error:
        refusal = refused(error, Asked(job["name"], job["revision"], token is not None))
        if refusal is None:
            raise
        result = {"refusal": str(refusal), "code": refusal.exit_code, "unreachable": is_down(error)}
    told.write_text(json.dumps(result), encoding="utf-8")
    return 0


def _give_up(told: Path, name: str, why: str) -> None:
    answer = f"fetching {name} stands still ({why}): the same command goes on where it was"
    told.write_text(json.dumps({"refusal": answer, "code": FAILED}), encoding="utf-8")
    os._exit(0)  # the library cannot be interrupted


def _do(job: Mapping[str, Any], token: str | None) -> dict[str, Any]:
    if job["task"] == "resolve":
        model = Hub(token, _say, job["patience_s"]).resolve(job["name"], job["revision"])
        return {"model": asdict(model, recurse=False)}
    order = Order(name=job["name"], revision=job["revision"], files=dict(job["files"]))
    return {"path": str(fetch(order, token, _say))}


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
