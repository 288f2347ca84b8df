"""`python -m tooling.clients.bench.worker`: one process of a bench run, a child of its `__main__`."""

import sys
from functools import partial

from tooling.clients.bench.load import Load
from tooling.clients.bench.plan import from_job
from tooling.clients.bench.records import attempt_record
from tooling.clients.bench.talking import Attempt
from tooling.clients.load.desk import Desk, serve
from tooling.usage import answer_help


async def work(desk: Desk) -> None:
    """This process's part of the plan; a record of every conversation, as it ends."""
    plan, common, part = from_job(desk.job)
    await Load(plan, common, partial(_tell, desk), partial(_note, desk), part).run(desk.start_at)


def _tell(desk: Desk, attempt: Attempt) -> None:
    desk.tell(attempt_record(attempt, desk.start_at))


def _note(desk: Desk, text: str) -> None:
    desk.tell({"note": text})


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(serve(work))
