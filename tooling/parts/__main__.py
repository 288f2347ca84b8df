"""`python3 -m tooling.parts [PART ...]` fetches programs that tests run beside ours, and prints where each is.

Needs Python, apt-get and dpkg, no root. Exit codes: 0 done, 1 a step failed, 2 usage, 3 this machine cannot,
130 interrupted.
"""

import os
import sys

MINIMUM = (3, 11)

if sys.version_info[:2] >= MINIMUM:
    from tooling.parts.command import run
else:  # every other module uses newer syntax, and an old interpreter should say more than SyntaxError
    from tooling.setup.interpreter import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
