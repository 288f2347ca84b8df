"""`python3 -m tooling.setup [cpu|dev|vllm|quant|tool|trt] [--dev]` makes or updates a virtual environment.

`lock [NAME ...]` renews the pins. Needs Python and its pip, nothing else. Exit codes: 0 done, 1 a step failed, 2 usage,
3 this machine cannot, 130 interrupted, 143 terminated.
"""

import os
import sys

MINIMUM = (3, 11)

if sys.version_info[:2] >= MINIMUM:
    from tooling.setup.command import run
else:  # every other module uses newer syntax, and an old interpreter should say more than SyntaxError
    from tooling.setup.interpreter import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
