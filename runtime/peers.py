"""Who is at the other end: the socket's address, or behind a proxy that we trust, the one it forwards for."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import trio

from runtime.heads import RequestHead
from runtime.settings.kinds import Network

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
SUBSCRIBER_BITS = 64
"""One subscriber of IPv6 has so many bits of a network to himself at least (RFC 6177), and all addresses in it."""


def peer_of(stream: trio.SocketStream, head: RequestHead, trusted: Sequence[Network]) -> str:
    """The address to count a peer's failures under.

    `X-Forwarded-For` is read from its end, where the proxy next to us wrote, as far as the addresses are proxies in
    `trusted`; the first that is none is the peer. What is no address ends the search, because only a proxy of ours
    could be believed beyond it.
    """
    try:
        peer = _address(str(stream.socket.getpeername()[0]))
    except OSError:
        return UNKNOWN
    hops = [hop for line in head.headers.get("x-forwarded-for", ()) for hop in line.split(",")]
    while peer is not None and hops and _is_trusted(peer, trusted):
        forwarded = _address(hops.pop())
        if forwarded is None:
            break
        peer = forwarded
    if isinstance(peer, IPv6Address):
        return str(IPv6Network((peer, SUBSCRIBER_BITS), strict=False))
    return UNKNOWN if peer is None else str(peer)


def _is_trusted(peer: Address, trusted: Sequence[Network]) -> bool:
    return any(peer in network for network in trusted)


def _address(text: str) -> Address | None:
    """An address, with or without a port or a zone; an IPv4 one that came over IPv6 is that IPv4 one."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


__all__ = ["peer_of"]
