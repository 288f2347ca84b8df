"""`python -m tooling.clients.bench`: the benchmark as an instrument: arrivals, latencies and how sure they are."""
