"""`python -m tooling.completion [--check]` writes down what shells complete after each recipe of the justfile."""

import sys
from collections.abc import Sequence

from tooling import usage
from tooling.completion.flags import FILE, ROOT, asked, text


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit status."""
    about = (
        "Write down what shells complete after each recipe (tooling/completion/flags.txt), from what every program\n"
        "says to -h. To have it in a shell: source tooling/completion/just.bash, just.zsh or just.fish."
    )
    codes = "0 done, 1 the file is stale (--check), 2 usage"
    parser = usage.parser("just completion", about, environment="PATH", codes=codes)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is stale")
    options = parser.parse_args(argv)
    now = text(ROOT / "justfile", asked)
    if not options.check:
        FILE.write_text(now, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != now:
        print(f"{FILE.name} is stale: run `just completion`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
