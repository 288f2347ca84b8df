"""Demo checkpoints, made on first use: toys, built offline and seeded, and a small real model that is fetched."""

__all__: list[str] = []
