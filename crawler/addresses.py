"""Which network addresses may be fetched: public ones, and those that a setting allows."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies

Network = IPv4Network | IPv6Network

# NAT64 (RFC 6052): how networks that have only IPv6 reach the rest.
_TRANSLATED = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """A name led to an address that must not be fetched."""


class AddressPolicy:
    """Decides about the addresses that connections are made to, after names were resolved."""

    def __init__(self, allowed: Collection[Network], services: Iterable[str] = ()) -> None:
        """`services` are the URLs of our own renderer and proxies, which may be anywhere."""
        self._allowed = tuple(allowed)
        self._services = set[tuple[str, int]]()
        self._refused = frozenset[tuple[str, int]]()
        for url in services:
            self._services.update(_endpoints(url))

    def without(self, services: Iterable[str]) -> AddressPolicy:
        """Return a policy that refuses `services` (URLs), wherever they are.

        For what pages ask for by themselves: our own services may be in an allowed network.
        """
        policy = AddressPolicy(self._allowed)
        found = {endpoint for url in services for endpoint in _endpoints(url)}
        policy._services = self._services - found
        policy._refused = self._refused | {(_here(host), port) for host, port in found}
        return policy

    def check(self, host: str, port: int) -> None:
        """Raise AddressRefused unless `host`, an IP address, may be connected to at `port`."""
        address = _destination(ip_address(host.partition("%")[0]))
        if (_here(str(address)), port) in self._refused:
            raise AddressRefused(
                f"{address} at port {port} is a service of this crawler, not a site"
            )
        if _is_public(address):
            return
        if (str(address), port) in self._services:
            return
        if any(address in network for network in self._allowed):
            return
        raise AddressRefused(
            f"{address} is not a public address; if you mean to fetch from it, add it to "
            "ARTWORKS_ALLOWED_NETWORKS"
        )


def proxy_urls() -> list[str]:
    """Return the URLs of the proxies that the environment asks for."""
    # Under "no" is the list of hosts that are asked without a proxy.
    proxies = [url for scheme, url in getproxies().items() if scheme != "no"]
    return [url if "://" in url else f"http://{url}" for url in proxies]


def _destination(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _here(host: str) -> str:
    """Return one form for all addresses that lead to this machine's loopback."""
    address = _destination(ip_address(host.partition("%")[0]))
    return "here" if address.is_loopback or address.is_unspecified else str(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.is_site_local or address.is_reserved):
        return False
    return address.is_global and not address.is_multicast


def _endpoints(url: str) -> set[tuple[str, int]]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        # Whoever asks for the service next is told that its name does not resolve.
        return set()
    return {(str(address[4][0]), port) for address in found}
