"""`python -m tooling.benchmarks.quantising.texts FILE.jsonl`: calibration texts where there is no Hub.

They are the lines that the demo chat model learns from, many to a text: English of a simple kind.
"""

import json
import sys
from pathlib import Path

from tooling import usage
from tooling.demo.files import content_lines, read_all

LINES_A_TEXT = 60
COUNT = 64


def texts() -> list[str]:
    """As many as a calibration takes by default, each a few hundred words."""
    lines = [line for text in read_all("chat").values() for line in content_lines(text)]
    return [
        "\n".join(lines[(number * LINES_A_TEXT + offset) % len(lines)] for offset in range(LINES_A_TEXT))
        for number in range(COUNT)
    ]


def main(argv: list[str]) -> int:
    """Write them."""
    parser = usage.parser("python -m tooling.benchmarks.quantising.texts", __doc__)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(argv)
    options.file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
