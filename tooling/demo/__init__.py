"""Demo checkpoints, built on first use, offline and seeded: they show that every pipe works, and nothing more."""

__all__: list[str] = []
