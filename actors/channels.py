"""Capacities and bounded waits of the actors, each with its reason."""

LINGER_S = 0.25
"""After an error that precedes a close: how long the client may take to read it and close by itself (protocol)."""

CLOSE_HANDSHAKE_S = 2.0
"""How long a peer may take to answer our close frame before the TCP connection is dropped."""

THREAD_ABOVE_CHARS = 4096
"""Longer frames and texts are parsed and tokenised in a worker thread: about 2 ms is what the loop can spare."""

__all__ = ["CLOSE_HANDSHAKE_S", "LINGER_S", "THREAD_ABOVE_CHARS"]
