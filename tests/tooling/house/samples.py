"""For each house rule, what breaks it and what does not."""

from collections.abc import Mapping

from attrs import frozen

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * 60
LONG_BUT_FREE = 'def long():\n    """Says\n    it.\n    """\n' + "    x = 1\n\n    # why\n" * 59


@frozen
class Sample:
    """Files by path. `found`: the lines of `bad` that break the rule; nothing in `good` does."""

    rule: str
    bad: Mapping[str, str]
    found: tuple[tuple[str, int], ...]
    good: Mapping[str, str]


def _one(rule: str, bad: str, line: int, good: str, path: str = "runtime/it.py") -> Sample:
    return Sample(rule, {path: bad}, ((path, line),), {path: good})


def _cycles() -> list[Sample]:
    two = {"runtime/a.py": "x = 1\nfrom runtime import b\n", "runtime/b.py": "def f():\n    import runtime.a\n"}
    through_package = {
        "runtime/a.py": "from runtime.inner import x\n",
        "runtime/inner/__init__.py": "from runtime.inner.c import x\n",
        "runtime/inner/c.py": "import runtime.a\n",
    }
    own_package = {
        "runtime/inner/__init__.py": "from runtime.inner.c import x\n",
        "runtime/inner/c.py": "from runtime.inner import name\n",
    }
    relative = {
        "runtime/inner/a.py": "from . import b\n",
        "runtime/inner/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..inner.a import x\n",
    }
    whole = {
        "runtime/a.py": "from runtime.inner import b, c\n",
        "runtime/inner/__init__.py": "from runtime.inner.b import x\n",
        "runtime/inner/b.py": "from runtime.inner import c\n",
        "runtime/inner/c.py": "import json\n",
    }
    return [
        Sample("import-cycle", two, (("runtime/a.py", 2),), whole),
        Sample("import-cycle", through_package, (("runtime/a.py", 1),), whole),
        Sample("import-cycle", own_package, (("runtime/inner/__init__.py", 1),), whole),
        Sample("import-cycle", relative, (("runtime/inner/a.py", 1),), whole),
    ]


def _sizes() -> list[Sample]:
    return [
        _one("file-size", "x = 1\n" * 301, 1, "x = 1\n\n# why\n" * 300),
        _one("file-size", "x = 1\n" * 301, 1, "x = 1\n" * 300, "tests/test_it.py"),
        _one("file-size", "let x\n" * 301, 1, "let x\n// why\n" * 300, "runtime/site/it.js"),
        _one("file-size", "true\n" * 301, 1, "true\n# why\n" * 300, "start.sh"),
        _one("function-size", LONG_FUNCTION, 1, LONG_BUT_FREE),
        _one("function-size", f"class A:\n    async {LONG_FUNCTION.replace('    ', '        ')}", 2, LONG_BUT_FREE),
    ]


def _classes() -> list[Sample]:
    data = """
import enum
from typing import NamedTuple, Protocol
import attrs
import msgspec
from attrs import frozen
from runtime.errors import Broken
class Plain: pass
@frozen(kw_only=True)
class A: pass
@attrs.define
class B: pass
class C(enum.Enum): pass
class D(ValueError): pass
class E(Broken): pass
class F(Protocol): pass
class G(NamedTuple): pass
class H(msgspec.Struct, frozen=True): pass
class I(A): pass
"""
    errors = {"runtime/errors.py": "class Broken(Exception): pass\nclass Worse(Broken): pass\n", "runtime/it.py": data}
    two = "from typing import Generic, T\nclass Plain(Generic[T]): pass\nclass Other(Plain): pass\n"
    of_a_protocol = "from typing import Protocol\nclass P(Protocol): pass\nclass A(P): pass\nclass B(P): pass\n"
    return [
        Sample("one-class", {"runtime/it.py": two}, (("runtime/it.py", 3),), errors),
        _one("one-class", "def f():\n    class A: pass\n", 2, "class B:\n    class A: pass\n"),
        _one("one-class", "class A: pass\nif 1:\n    class B: pass\n", 3, "if 1:\n    class B: pass\n"),
        Sample("one-class", {"runtime/it.py": of_a_protocol}, (("runtime/it.py", 4),), {"tests/it.py": two}),
    ]


def _state() -> list[Sample]:
    cached = "import functools\n@functools.cache\ndef settings(): return 1\n"
    keyed = "import functools\n@functools.cache\ndef kind(char): return 1\n"
    return [
        _one("singleton", "class A:\n    _instance = None\n", 2, "class A:\n    size = None\n"),
        _one("singleton", "class A:\n    @classmethod\n    def get_instance(cls): pass\n", 3, "def get(): pass\n"),
        _one("singleton", cached, 3, keyed),
        _one("module-state", "loop = None\ndef f():\n    global loop\n    loop = 1\n", 3, "def f():\n    loop = 1\n"),
        _one(
            "module-state",
            "STATE = State()\ndef f():\n    STATE.at += 1\n",
            3,
            "import sys\ndef f():\n    sys.hook = 1\n",
        ),
        _one("module-state", "KNOWN = {}\ndef f(x):\n    KNOWN[x] = 1\n", 3, "KNOWN = {}\nKNOWN[1] = 1\n"),
        _one(
            "module-state",
            "KNOWN = []\nclass A:\n    def f(self):\n        if (x := KNOWN.pop()): return x\n",
            4,
            "KNOWN = [1]\ndef f(x):\n    KNOWN = []\n    KNOWN.append(x)\n    return x[KNOWN]\n",
        ),
    ]


def _imports() -> list[Sample]:
    named = "import importlib\nlibrary = importlib.import_module('json')\n"
    guarded = "try:\n    import json\nexcept ImportError:\n    json = None\n"
    inner = "class A:\n    async def f(self):\n        if 1:\n            from json import loads\n"
    return [
        _one("late-import", "def f():\n    import json\n", 2, "import json\n"),
        _one("late-import", inner, 4, guarded),
        _one("late-import", named, 2, "import json as library\n"),
        _one("late-import", "def f():\n    return __import__('json')\n", 2, "import json\n"),
        _one("late-import", "from importlib import import_module as load\n", 1, "import importlib\n"),
        _one("late-attribute", "def __getattr__(name): pass\n", 1, "class A:\n    def __getattr__(self, n): pass\n"),
        _one("asyncio", "from asyncio import sleep\n", 1, "from trio import sleep\n"),
        _one("environment", "import os\nx = os.environ['A']\n", 2, "def f(environ): return environ['A']\n"),
        _one("environment", "from os import getenv\n", 1, "import os\nif __name__ == '__main__':\n    f(os.environ)\n"),
        _one("asyncio", "def f():\n    import asyncio.events\n", 2, "import asyncio_like\n"),
    ]


def _wording() -> list[Sample]:
    return [
        _one("leftover", "x = 1  # for backward compatibility\n", 1, "x = 1  # looks backward\n"),
        _one("leftover", '"""It is.\n\nDeprecated.\n"""\n', 3, '"""It is."""\n'),
        Sample(
            "leftover", {"runtime/it.py": "LEGACY = 1\n"}, (("runtime/it.py", 1),), {"tooling/it.py": "LEGACY = 1\n"}
        ),
        _one("exports", "__all__ = []\nx = 1\n", 1, "x = 1\n__all__ = ['x']\nif __name__ == '__main__':\n    x()\n"),
        _one("exports", "x = 1\n__all__ = ['x']\n__all__ += ['y']\n", 3, "x = 1\n__all__: list[str] = ['x']\n"),
        _one("exports", "__all__ = []\nif x:\n    __all__.append('x')\n", 3, "x = 1\n", "tests/it.py"),
        _one("docstring", "x = 1\n", 1, '"""It is."""\nx = 1\n'),
    ]


def _names() -> list[Sample]:
    pair = {"runtime/inner/__init__.py": "", "runtime/inner/a.py": "", "runtime/inner/b.py": ""}
    prefixed = {"runtime/chat.py": "", "runtime/chat_text/__init__.py": "", "runtime/other.py": ""}
    tests = {"tests/test_a.py": "", "tests/test_b.py": "", "runtime/_a.py": "", "runtime/_b.py": ""}
    alone = {"runtime/inner/__init__.py": "", "runtime/inner/a.py": "", "runtime/inner/empty/__init__.py": ""}
    return [
        Sample(
            "single-module",
            {"runtime/inner/__init__.py": "", "runtime/inner/a.py": "", "runtime/b.py": ""},
            (("runtime/inner/a.py", 1),),
            pair | {"runtime/b.py": "", "tests/one/__init__.py": "", "tests/one/test_a.py": ""},
        ),
        Sample(
            "single-module",
            alone | {"runtime/b.py": ""},
            (("runtime/inner/empty/__init__.py", 1),),
            pair | {"runtime/b.py": ""},
        ),
        Sample("shared-prefix", prefixed, (("runtime/chat_text/__init__.py", 1),), tests),
        Sample("shared-prefix", {"tests/a_b.py": "", "tests/a_c.py": ""}, (("tests/a_c.py", 1),), tests),
        _named("helpers"),
        _named("queue"),
    ]


def _named(name: str) -> Sample:
    bad = {f"runtime/{name}/__init__.py": ""}
    return Sample(
        "module-name", bad, ((f"runtime/{name}/__init__.py", 1),), {f"tests/{name}.py": "", "runtime/a.py": ""}
    )


def _scripts() -> list[Sample]:
    through = 'RUN="python3 -u"\nFLAG=-c\n$RUN ${FLAG} "print(1)"\n'
    just = 'python := ".venvs/cpu/bin/python"\n\nit:\n    @{{ python }} -Ic "import sys"\n'
    recipe = "it:\n    #!/usr/bin/env python3\n    print(1)\n"
    good = "# python -c 'x'\npython3 -m tooling.run -c 3\npython3 -u run.py <input\nbash -c 'python3 -m runtime'\n"
    return [
        _one("inline-python", "set -e\npython3 -c 'print(1)'\n", 2, good, "it.sh"),
        _one(
            "inline-python",
            "cat x | \\\n  /usr/bin/python3.11 -W ignore -Xdev \\\n  -uc 'print(1)'\n",
            1,
            good,
            "it.sh",
        ),
        _one("inline-python", "python - <<'EOF'\nprint(1)\nEOF\n", 1, good, "it.sh"),
        _one("inline-python", "cat <<EOF | A=1 python3 -\nprint(1)\nEOF\n", 1, good, "it.bash"),
        _one("inline-python", "echo 'print(1)' | python3\n", 1, good, "it.sh"),
        _one("inline-python", through, 3, good, "it.sh"),
        _one("inline-python", f"#!/bin/sh\n{through}", 4, f"#!/bin/sh\n{good}", ".ci/run"),
        _one("inline-python", just, 4, just.replace("-Ic", "-m"), "justfile"),
        _one("inline-python", recipe, 2, "it:\n    #!/usr/bin/env bash\n    true\n", "justfile"),
        _one(
            "inline-python", 'FROM x\nCMD ["python3", "-c", "x"]\n', 2, 'CMD ["python3", "-m", "x"]\n', "Dockerfile.a"
        ),
        _one("inline-python", "run: python -c 'x'\n", 1, "run: python -m x\n", "docs/it.yaml"),
        _one("inline-python", "a:\n  - python3\n  - -c\n  - |\n    x\n", 2, "a:\n  - python3\nb:\n  - -c\n", "it.yml"),
        _one("inline-python", "cat >it.py <<EOF\nx\nEOF\n", 1, "cat >it.txt <<EOF\npython -m x\nEOF\n", "it.sh"),
    ]


def _images() -> list[Sample]:
    whole = "# why\n**\n!runtime\n!pyproject.toml\n**/*.pyc\n"
    image, ignore = "Dockerfile.a", "Dockerfile.a.dockerignore"
    good = {image: "FROM x\n", ignore: whole}
    return [
        Sample("ignore-files", good | {".dockerignore": "**\n"}, ((".dockerignore", 1),), good),
        Sample("ignore-files", {image: "FROM x\n"}, ((image, 1),), good),
        Sample("ignore-files", good | {ignore: "tests\n**\n"}, ((ignore, 1),), good),
        Sample("ignore-files", good | {ignore: whole + "!.env\n"}, ((ignore, 6),), good),
        Sample("ignore-files", good | {ignore: "# nothing\n"}, ((ignore, 1),), good),
    ]


def _readable() -> list[Sample]:
    return [_one("readable", "def f(:\n", 1, "def f(): pass\n")]


SAMPLES = [
    *_cycles(),
    *_sizes(),
    *_classes(),
    *_state(),
    *_imports(),
    *_wording(),
    *_names(),
    *_scripts(),
    *_images(),
    *_readable(),
]

__all__ = ["SAMPLES", "Sample"]
