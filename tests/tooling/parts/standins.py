"""An apt-get and a dpkg that do what a test says, in a PATH of their own, and note their calls."""

from pathlib import Path

APT_GET = """#!/bin/sh
for word; do case "$word" in update|install|download) command=$word;; esac; done
echo "$command" >> {log}
if [ "$command" = update ]; then
    echo 'dlstatus:1:12.5:Retrieving file 1 of 2'
    echo 'W: Failed to fetch the second source'
    exit 0
fi
if [ "$command" = install ]; then
    {install}
    exit 0
fi
{download}
"""
DPKG = """#!/bin/sh
echo unpack >> {log}
mkdir -p "$3/usr/bin" "$3/usr/share" "$3/usr/lib/chromium" "$3/usr/lib/x86_64-linux-gnu/own"
echo data > "$3/usr/share/data"
touch "$3/usr/lib/x86_64-linux-gnu/libone.so.1" "$3/usr/lib/x86_64-linux-gnu/own/libtwo.so"
for name in prometheus promtool ../lib/chromium/chromium; do
    printf '%s\\n' '#!/bin/sh' '{program}' > "$3/usr/bin/$name"
    chmod 755 "$3/usr/bin/$name"
done
{unpack}
"""


def tools(
    directory: Path,
    *,
    install: str = "",
    download: str = "touch prometheus_1_all.deb",
    unpack: str = "",
    program: str = "exit 0",
) -> dict[str, str]:
    """Write both into a directory; the environment that finds them."""
    directory.mkdir(exist_ok=True)
    log = directory / "log"
    log.touch()
    texts = {
        "apt-get": APT_GET.format(log=log, install=install, download=download),
        "dpkg": DPKG.format(log=log, unpack=unpack, program=program),
    }
    for name, text in texts.items():
        path = directory / name
        path.write_text(text, "utf-8")
        path.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def calls(directory: Path) -> list[str]:
    """What both were called for, in order."""
    return (directory / "log").read_text("utf-8").split()


__all__ = ["calls", "tools"]
