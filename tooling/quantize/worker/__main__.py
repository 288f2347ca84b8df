"""`python -m tooling.quantize.worker JOB.json` makes one export and writes `result.json` beside the job.

Started by `just quantize-vllm` and `just run-vllm 4bit`, in the environment `.venvs/quant`; the job says everything,
HF_TOKEN is looked at for calibration data that needs it. Exit codes: 0 made, 1 it failed or did not pass its checks,
2 usage.
"""

import json
import sys
from pathlib import Path

from tooling.quantize.job import Job
from tooling.quantize.worker.telling import Failure, say


def main(argv: list[str]) -> int:
    """Make what the job file at `argv[0]` says."""
    if argv[:1] in (["-h"], ["--help"]) or len(argv) != 1:
        print(__doc__)
        return 0 if argv[:1] in (["-h"], ["--help"]) else 2
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
