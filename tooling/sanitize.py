"""Sanitise text from the command line: the spoken-text rules of the server on chunks read from standard input."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import BinaryIO, TextIO

from actors.session.sanitizer import Families, Sanitizer
from engines.prompts.markers import TAG_NAMES
from protocol.errors import PeerProtocolError
from protocol.speech import DEFAULT_LANGUAGE, parse_speech
from tooling import usage

USAGE = """Each input line is one JSON array of strings, the chunks of one reply; each output line is one JSON string,
what can be spoken of it. With --trace it is an array instead: what each chunk made final, and last what the end did."""
CODES = "0 all is well, 1 a line could not be read (its number is on stderr; nothing after it is done), 2 usage"


class BadLine(Exception):
    """An input line is not what it should be; the message says what would be."""


def chunks(line: bytes) -> list[str]:
    """The chunks of one line. Raises `BadLine`."""
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8 at byte {error.start + 1}; write the line in UTF-8") from error
    except RecursionError as error:
        raise BadLine("nested too deeply; write one flat JSON array of strings") from error
    except ValueError as error:
        raise BadLine(f"not JSON ({error}); write one JSON array of strings") from error
    if not isinstance(found, list):
        raise BadLine('not a JSON array; write the chunks as one: ["Hel", "lo"]')
    for at, chunk in enumerate(found, start=1):
        if not isinstance(chunk, str):
            raise BadLine(f"chunk {at} is not a string; every chunk has to be one")
    return found


def deltas(pushed: Sequence[str], sanitizer: Sanitizer) -> list[str]:
    """What each chunk makes final, and last what the end of the text does."""
    return [*(sanitizer.push(chunk) for chunk in pushed), sanitizer.flush()]


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = usage.parser("just sanitize", f"{__doc__}\n\n{USAGE}", environment="no variable", codes=CODES)
    made.add_argument("--trace", action="store_true", help="print an array of the deltas instead of the whole text")
    made.add_argument("--in-reasoning", action="store_true", help="the text starts inside a reasoning block")
    made.add_argument("--label", action="append", default=[], metavar="TEXT", help="a label to drop at the very start")
    made.add_argument("--language", default=DEFAULT_LANGUAGE, metavar="L", help="BCP 47 tag of the reply (en)")
    made.add_argument("--keep-tag", action="append", default=[], metavar="T", help="the name of a tag that stays")
    made.add_argument("--no-contacts", action="store_true", help="leave telephone numbers and e-mail addresses alone")
    made.add_argument("--no-numbers", action="store_true", help="leave degrees, per cent, minus and ranges alone")
    made.add_argument("--no-emoji", action="store_true", help="leave emoji, kaomoji and emoticons alone")
    made.add_argument("--no-markdown", action="store_true", help="leave tags, Markdown, formulas, long dashes alone")
    return made


def main(argv: Sequence[str], lines: BinaryIO, out: BinaryIO, err: TextIO) -> int:
    """Run the command; the exit status."""
    options = parser()
    args = options.parse_args(argv)
    try:
        speech = parse_speech({"speech": {"language": args.language, "keep_tags": args.keep_tag}}, TAG_NAMES)
    except PeerProtocolError as error:
        options.error(str(error))
    families = Families(
        contacts=not args.no_contacts,
        numbers=not args.no_numbers,
        emoji=not args.no_emoji,
        markdown=not args.no_markdown,
    )
    for number, line in enumerate(lines, start=1):
        try:
            pushed = chunks(line)
        except BadLine as error:
            err.write(f"sanitize: line {number}: {error}\n")
            return 1
        sanitizer = Sanitizer(args.label, args.in_reasoning, speech.language, speech.keep_tags, families)
        made = deltas(pushed, sanitizer)
        answer = json.dumps(made if args.trace else "".join(made), ensure_ascii=False)
        out.write(answer.encode("utf-8") + b"\n")
        out.flush()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer, sys.stderr))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)
