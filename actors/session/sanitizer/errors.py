"""What can go wrong with a sanitizer: only its use."""


class SanitizerFlushed(RuntimeError):
    """A sanitizer was used after `flush`; every turn needs its own."""


__all__ = ["SanitizerFlushed"]
