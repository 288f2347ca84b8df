"""`python -m tooling.clean (quant|engines|models|all) [--yes] [--plan] [--json]` frees what was made below YAP_HOME."""

import os
import sys

from tooling.clean.command import run


def ask(question: str) -> bool:
    """Put a question to whoever sits there; only a yes is one."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


if __name__ == "__main__":
    is_asked = sys.stdin.isatty() and sys.stdout.isatty()
    sys.exit(run(sys.argv[1:], os.environ, ask if is_asked else None))  # noqa: TID251  # an entry module
