"""Commands for people: set-up, launch, demo checkpoints, clients, benchmarks, diagnostics."""
