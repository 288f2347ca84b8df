"""`python -m tooling.quantize.worker JOB.json` makes one export and writes `result.json` beside the job.

Started by `just quantize-vllm` and `just run-vllm 4bit`, in the environment `.venvs/quant`; the job says everything.
"""

import json
import sys
from pathlib import Path

from tooling.quantize.job import Job
from tooling.quantize.worker.telling import Failure, say
from tooling.usage import answer_help, page

VARIABLES = "HF_TOKEN, for calibration data that needs it; those of the Hub's and torch's libraries"
CODES = "0 made, 1 it failed or did not pass its checks, 2 usage"


def main(argv: list[str]) -> int:
    """Make what the job file at `argv[0]` says."""
    answer_help(__doc__, argv, environment=VARIABLES, codes=CODES)
    if len(argv) != 1:
        print(page(__doc__ or "", environment=VARIABLES, codes=CODES), file=sys.stderr)
        return 2
    path = Path(argv[0])
    job = Job.from_json(json.loads(path.read_text(encoding="utf-8")))
    # Here and not above, so that a job that cannot be read is told at once: these take seven seconds.
    from tooling.quantize.worker.making import make  # noqa: PLC0415

    try:
        result = make(job)
    except Failure as failure:
        say(str(failure))
        return 1
    path.with_name("result.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
