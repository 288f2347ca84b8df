"""Heavy libraries, imported only where a model is loaded: one that cannot be imported is told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from engines.errors import EngineError, EngineStartFailed, chain


@contextmanager
def importing(library: str, package: str, install: str = "install it") -> Iterator[None]:
    """Import a library inside, and take from it what is needed. Raises `EngineStartFailed` if that is not possible.

    `package`: its name for Python. If it is missing, `install` says what to do. If it is broken, its own words do: that
    shows in as many ways as it has parts, such as a package beside it that is too new, or a shared object that does not
    fit, and some import those parts only when a member is asked for.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise EngineStartFailed(f"{library} is not installed: {install}") from error
        raise EngineStartFailed(f"{library} cannot be imported: {chain(error)}") from error


__all__ = ["importing"]
