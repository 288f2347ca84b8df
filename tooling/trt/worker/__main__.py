"""`python -m tooling.trt.worker checkpoint|engine JOB.json`: makes what a job says, for `tooling.preparing`.

Started by `just quantize-trt`, `just build-trt` and `just run-trt`, in TensorRT-LLM's environment. Writes result.json
beside the job.
"""

import json
import os
import sys
from pathlib import Path

from tooling.refusal import FAILED, USAGE, Refusal
from tooling.trt.worker import checkpoint, engine
from tooling.usage import answer_help, page

VARIABLES = "CUDA_VISIBLE_DEVICES, HF_HOME, HF_TOKEN (calibration data), TLLM_LOG_LEVEL"
CODES = "0 made, 1 failed and said why, 2 usage"
MAKERS = {"checkpoint": checkpoint.make, "engine": engine.make}


def main() -> int:
    """Carry one job out."""
    words = sys.argv[1:]
    answer_help(__doc__, words, environment=VARIABLES, codes=CODES)
    if len(words) != 2 or words[0] not in MAKERS:
        print(page(__doc__ or "", environment=VARIABLES, codes=CODES), file=sys.stderr)
        return USAGE
    job = Path(words[1])
    try:
        made = MAKERS[words[0]](json.loads(job.read_text(encoding="utf-8")), os.environ)  # noqa: TID251
    except Refusal as refused:
        print(refused, file=sys.stderr, flush=True)
        return FAILED
    job.with_name("result.json").write_text(json.dumps(made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
