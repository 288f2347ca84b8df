"""`python -m tooling.house`: the house rules that no linter knows, held against every file; `-h` says more."""

import sys
from pathlib import Path

from tooling.house.command import run

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], ROOT, sys.stdout, sys.stderr))
