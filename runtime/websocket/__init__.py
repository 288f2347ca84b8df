"""RFC 6455 on a socket: what bytes of a peer become messages, and what keeps a peer from costing more than its share.

Everything that knows a frame lives here; sessions see `actors.connection.Socket`. The frames themselves are parsed by
wsproto, which does no input or output: how much is read between two turns of the loop is decided here.
"""

from runtime.websocket.channel import WebSocket, text_frame
from runtime.websocket.handshake import BadHandshake, Handshake, agree
from runtime.websocket.keep_alive import KeepAlive
from runtime.websocket.leaving import Unheard
from runtime.websocket.wire import Wire

__all__ = ["BadHandshake", "Handshake", "KeepAlive", "Unheard", "WebSocket", "Wire", "agree", "text_frame"]
