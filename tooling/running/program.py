"""What the commands that look after launches share on their command lines."""

import argparse


def grammar(name: str, about: str, codes: str) -> argparse.ArgumentParser:
    """A parser with `--port`; `codes`: its exit codes."""
    made = argparse.ArgumentParser(
        prog=f"just {name}",
        description=about,
        epilog=f"environment: YAP_HOME, where launches are written down (~/.cache/yap)\n\nexit codes: {codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--port", metavar="N", type=_key, help="the server on this port; else the one that runs")
    return made


def _key(text: str) -> str:
    """A port, or what stands for it as long as a free one is not known yet: `0-4711`."""
    port, dash, process = text.partition("-")
    if not (port.isdecimal() and int(port) < 1 << 16) or (dash and not process.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; just status lists them")
    return text


__all__ = ["grammar"]
