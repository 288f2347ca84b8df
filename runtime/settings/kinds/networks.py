"""Addresses of hosts and of whole networks."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from attrs import frozen

from runtime.settings.kinds.base import Kind, Refused

Network = IPv4Network | IPv6Network
# RFC 4291 section 2.5.5.2: IPv4 addresses as IPv6 writes them. Peers are compared in their IPv4 form.
MAPPED = IPv6Network("::ffff:0:0/96")


@frozen(eq=False)
class Networks(Kind[tuple[Network, ...]]):
    """Comma-separated addresses or networks in CIDR form, IPv4 and IPv6; an address is a network of one."""

    def parse(self, text: str) -> tuple[Network, ...]:
        return tuple(_network(part.strip()) for part in text.split(","))

    def describe(self) -> str:
        return "str, addresses or networks"

    def show(self, value: tuple[Network, ...]) -> str:
        return ",".join(map(str, value)) if value else "unset"


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "%" in text:  # a zone means something on one machine alone
        raise Refused("is not addresses or networks such as 127.0.0.1,10.0.0.0/8,fd00::/8")
    try:
        ip_network(text)
    except ValueError:
        raise Refused(f"has bits set outside its prefix (did you mean '{network}'?)") from None
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        mapped = network.network_address.ipv4_mapped
        assert mapped is not None, network
        return IPv4Network((mapped, network.prefixlen - MAPPED.prefixlen))
    return network


__all__ = ["Network", "Networks"]
