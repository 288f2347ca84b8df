"""`python -m tooling.clients.idle`: how connections begin, wait and end, the idle close above all."""
