"""Capacities of channels and bounded waits of the actors, each with its reason."""

import math

ENGINE_MAILBOX = math.inf
"""Without a limit, because an abort that finds the mailbox full could neither wait nor be dropped. It is bounded all
the same: a turn sends six messages at most, and a connection has one turn at a time."""

ENGINE_ANSWERS = 4
"""All that one turn can be told: that it is accepted, that its speculation is handed over and has ended, that the
request in its place has ended."""

ROUTER_MAILBOX = math.inf
"""Without a limit for the same reason: a question and its withdrawal, of one turn a connection."""

DECISIONS = 1
"""A question is answered once."""

LINGER_S = 0.25
"""After an error that precedes a close: how long the client may take to read it and close by itself (protocol)."""

CLOSE_HANDSHAKE_S = 2.0
"""How long a peer may take to answer our close frame before the TCP connection is dropped."""

__all__ = [
    "CLOSE_HANDSHAKE_S",
    "DECISIONS",
    "ENGINE_ANSWERS",
    "ENGINE_MAILBOX",
    "LINGER_S",
    "ROUTER_MAILBOX",
]
