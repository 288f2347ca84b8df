"""What a program finds around it that was unpacked with all it needs: its own libraries, its own fonts."""

from pathlib import Path

FONTS = "etc/fonts/part.conf"
# Not the distribution's own configuration: the caches of the machine's fonts would be taken for those of the part,
# whose directories have the same names and times.
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">../../usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


def write_fonts(directory: Path) -> None:
    """Configure the fonts in a part's directory, wherever that directory is moved."""
    (directory / FONTS).parent.mkdir(parents=True, exist_ok=True)
    (directory / FONTS).write_text(_FONTS, "utf-8")


def variables(directory: Path) -> dict[str, str]:
    """The variables with which programs in a part's directory find what is there."""
    # Some libraries are in directories of their own, which those that need them know by their place in the system.
    found = {
        library.parent
        for place in ("usr/lib", "lib")
        for library in directory.glob(f"{place}/*-linux-gnu*/**/lib*.so*")
    }
    shallow_first = sorted(found, key=lambda path: (len(path.parts), path))
    return {
        "LD_LIBRARY_PATH": ":".join(map(str, shallow_first)),
        "FONTCONFIG_FILE": str(directory / FONTS),
        "XDG_CACHE_HOME": str(directory / "var" / "cache"),
    }


__all__ = ["variables", "write_fonts"]
