"""`python -m tooling.push.worker JOB` lists, checks or does one push, and writes `result.json` beside the job.

JOB is a file of JSON: `task` (list, check or push) and `order` (`tooling.push.order`). `list` needs no network.
The result is what was asked for, or `refusal` and `code` where the Hub or the files say no.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants

from tooling.models.worker.bearing import bearer
from tooling.models.worker.resolving import Hub
from tooling.models.worker.standstill import watched
from tooling.push.order import Order
from tooling.push.worker.checking import Target, look
from tooling.push.worker.listing import Listing, listing
from tooling.push.worker.speaking import say
from tooling.push.worker.uploading import Upload, failed, is_foreseen
from tooling.refusal import FAILED, REFUSED, Refusal
from tooling.usage import answer_help, page

VARIABLES = "HF_TOKEN for check and push; the Hub library's: HF_ENDPOINT, HF_HOME, HF_HUB_DISABLE_XET"
CODES = "0 there is a result, 1 it failed in a way that nobody foresaw, 2 usage"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do the job; the exit code."""
    answer_help(__doc__, argv, environment=VARIABLES, codes=CODES)
    if len(argv) != 1:
        print(page(__doc__ or "", environment=VARIABLES, codes=CODES), file=sys.stderr)
        return 2
    path = Path(argv[0])
    job = json.loads(path.read_text(encoding="utf-8"))
    order = Order.from_json(job["order"])
    told = path.with_name("result.json")

    def give_up(why: str) -> None:
        answer = f"the push to {order.repository} stands still ({why}): just push repeats it, and sends nothing twice"
        told.write_text(json.dumps({"refusal": answer, "code": FAILED}), encoding="utf-8")
        os._exit(0)  # the library cannot be interrupted

    try:
        with watched(say, give_up):
            result = _do(job["task"], order, environ)
    except Refusal as refusal:
        result = {"refusal": str(refusal), "code": refusal.exit_code}
    told.write_text(json.dumps(result), encoding="utf-8")
    return 0


def _do(task: str, order: Order, environ: Mapping[str, str]) -> dict[str, Any]:
    if task == "list":
        return _told(listing(order, None, say))
    token = bearer(environ)
    if constants.HF_HUB_OFFLINE:
        raise Refusal("HF_HUB_OFFLINE is set, and a push needs the Hub: unset it", REFUSED)
    if token is None:
        raise Refusal("HF_TOKEN is not set: a push needs a token with write access", REFUSED)
    api = HfApi(token=token)
    try:
        target = look(order, api, say)
        if target.complaints:
            raise Refusal("\n".join(target.complaints), REFUSED)
        return {"note": _note(order, target)} if task == "check" else _pushed(order, target, api, token)
    except Refusal:
        raise
    except Exception as error:  # the door to the library, whose errors come in many families
        if not is_foreseen(error):
            raise
        raise failed(order, error) from error


def _pushed(order: Order, target: Target, api: HfApi, token: str) -> dict[str, Any]:
    if note := _note(order, target):
        say(note)
    put_together = listing(order, Hub(token, say), say)
    done = Upload(order, put_together, target, api, say).run()
    size = sum(item.size for item in put_together.contents.items)
    if done.is_new:
        say(f"{len(put_together.contents.items)} files are at {done.url}")
    else:
        say(f"nothing has changed since the last push: {done.url}")
    return {"url": done.url, "commit": done.commit, "files": len(put_together.contents.items), "bytes": size}


def _note(order: Order, target: Target) -> str | None:
    """What to tell of a repository that is there: it is not made more private or more public."""
    if not target.exists or target.private is order.private or order.must_exist:
        return None
    seen = "private" if target.private else "public"
    return f"{order.repository} is there and {seen}, and stays so: HF_PUSH_PRIVATE counts for new repositories"


def _told(found: Listing) -> dict[str, Any]:
    return {
        "files": {item.path: item.size for item in found.contents.items},
        "left_out": list(found.contents.left_out),
        "readme": found.readme,
        "notes": list(found.notes),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
