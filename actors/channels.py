"""Capacities and bounded waits of the actors, each with its reason."""

LINGER_S = 0.25
"""After an error that precedes a close: how long the client may take to read it and close by itself (protocol)."""

CLOSE_HANDSHAKE_S = 2.0
"""How long a peer may take to answer our close frame before the TCP connection is dropped."""

__all__ = ["CLOSE_HANDSHAKE_S", "LINGER_S"]
