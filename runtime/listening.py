"""Where the server listens: one socket for each address that the setting means, all on one port."""

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Sequence

import structlog
import trio
from attrs import frozen

log = structlog.get_logger()
BACKLOG = 1024
# Port 0: the first socket gets a free port, which may be taken for the family of the second.
FREE_PORT_TRIES = 20
UNAVAILABLE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class CannotListen(OSError):
    """Nothing can listen there; the text is one sentence that names the settings. `in_use`: somebody else does."""

    def __init__(self, sentence: str, *, in_use: bool = False) -> None:
        super().__init__(sentence)
        self.in_use = in_use


@frozen
class Address:
    """One address to listen at. `more`: what IPv6 has besides host and port, flow and scope."""

    family: socket.AddressFamily
    host: str
    more: tuple[int, ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether it means every address of its family."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_unspecified


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Listen at `host`: an address, or a name and then all its addresses; `::` means every address of both families.

    Port 0 takes a free one, the same for all. Raises `CannotListen`.
    """
    sockets = await trio.to_thread.run_sync(bind, host, port)
    return [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in sockets]


def bind(host: str, port: int) -> list[socket.socket]:
    """The listening sockets, at least one. Blocks while a name is looked up. Raises `CannotListen`."""
    addresses = _addresses(host, port)
    tries = 1 if port else FREE_PORT_TRIES
    while True:
        try:
            return _bind_all(addresses, port)
        except OSError as error:
            tries -= 1
            if tries == 0 or error.errno != errno.EADDRINUSE:
                raise _refusal(error, host, port) from None


def reachable(host: str) -> str:
    """A host at which a server bound to `host` answers on its own machine, as it is written in a URL.

    Of an address that means all, the loopback; IPv6 in brackets.
    """
    try:
        found, *_ = _look_up(_bare(host), 0, socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return host  # a name
    if found.is_any:  # with `::` both families are served
        return "127.0.0.1"
    return f"[{found.host}]" if found.family == socket.AF_INET6 else found.host


def tell_port(descriptor: int | None, port: int) -> None:
    """Tell whoever started the server where it listens, and close the descriptor, so that no child inherits it.

    Raises `OSError` where the descriptor is not there to be written to.
    """
    if descriptor is None:
        return
    # Who wanted to know may be gone, and clients are served all the same.
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb", buffering=0) as told:
        told.write(b"%d\n" % port)


def _bare(host: str) -> str:
    """Without the brackets of a URL; `*` is how many programs write "everywhere"."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return "::" if bare == "*" else bare


def _addresses(host: str, port: int) -> list[Address]:
    try:
        addresses = _look_up(_bare(host), port, socket.AI_PASSIVE)
    except (OSError, ValueError) as error:  # ValueError: what cannot be a host name at all
        reason = error.strerror if isinstance(error, OSError) else "it cannot be a name"
        raise CannotListen(f"SERVER_BIND_HOST is {host!r}, which is no address and no known name: {reason}") from None
    # Not one socket for both: it would see IPv4 peers under another spelling of their address.
    if any(each.family == socket.AF_INET6 and each.is_any for each in addresses):
        everywhere = Address(socket.AF_INET, "0.0.0.0")  # noqa: S104  # as asked
        return list(dict.fromkeys([*addresses, everywhere]))
    return addresses


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    addresses = (
        Address(family, str(sockaddr[0]), tuple(map(int, sockaddr[2:]))) for family, _, _, _, sockaddr in found
    )
    return list(dict.fromkeys(addresses))


def _bind_all(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    """All of them or none, but for families and addresses that this machine does not have."""
    bound: list[socket.socket] = []
    missing: list[OSError] = []
    try:
        for address in addresses:
            try:
                bound.append(_bind_one(address, bound[0].getsockname()[1] if bound else port))
            except OSError as error:
                if error.errno not in UNAVAILABLE:
                    raise
                missing.append(error)
        if not bound:
            raise missing[0]
    except BaseException:
        for each in bound:
            each.close()
        raise
    if missing:
        served = [str(each.getsockname()[0]) for each in bound]
        log.warning("server.listens_partly", served=served, wanted=[each.host for each in addresses])
    return bound


def _bind_one(address: Address, port: int) -> socket.socket:
    made = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address.host, port, *address.more))
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _refusal(error: OSError, host: str, port: int) -> CannotListen:
    match error.errno:
        case errno.EADDRINUSE:
            return CannotListen(
                f"port {port} on address {host} is in use: stop that program, or set another SERVER_PORT", in_use=True
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return CannotListen(f"SERVER_BIND_HOST is {host}, which is no address of this machine")
        case errno.EACCES:
            return CannotListen(f"SERVER_PORT is {port}, which this user may not listen at: take one above 1023")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return CannotListen(f"SERVER_BIND_HOST {host}, SERVER_PORT {port}: cannot listen there: {reason}")


__all__ = ["CannotListen", "bind", "open_listeners", "reachable", "tell_port"]
