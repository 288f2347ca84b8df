"""Attacks on a running server over real sockets: what strangers and clients may do, and that nobody else notices.

`scene.attacked` is a server in the test's own loop with a bystander who talks all the while; `raw.Raw` is a client that
says what no library would. `tooling.benchmarks.bystander` measures the delays that these attacks cause.
"""
