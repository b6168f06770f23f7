"""Where webhooks may go: to the public internet, and to networks that whoever runs the node has allowed.

A receiver's address is the caller's choice, and this node stands inside a bank's network: without a guard anybody with
a token could have it knock at doors that only insiders reach. The name is looked up here, and the connection goes to
what was found, so that it cannot mean one address when checked and another when used.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from node.webhooks.errors import AddressRefusedError
from node.webhooks.limits import URL_CHARS_MAX

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAMES: Final = ("localhost", ".localhost", ".local", ".internal")


class Guard:
    """The addresses that are allowed."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        """Allow the public internet, and these networks besides."""
        self._networks = tuple(networks)

    def check_url(self, url: str) -> None:
        """Return when a webhook may be sent there as far as its text tells; a name is looked up only when it is used.

        Raises:
            AddressRefusedError: it may not.
        """
        if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url:
            raise AddressRefusedError(f"at most {URL_CHARS_MAX} printable characters of ASCII", repr(url))
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise AddressRefusedError("an address", url) from error
        if parts.scheme not in ("https", "http") or not host or port == 0:
            raise AddressRefusedError("https://host/path", url)
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise AddressRefusedError("no user, password and fragment", f"some of them at {host}")
        address = _literal(host)
        if address is not None:
            self.check_address(address)
        elif host.rstrip(".").lower().endswith(_LOCAL_NAMES) and not self._networks:
            raise AddressRefusedError("a name of the public internet", host)
        if parts.scheme == "http" and not (self._networks and (address is None or self._is_allowed(address))):
            raise AddressRefusedError("https", "http")

    def check_address(self, address: Address) -> None:
        """Return when it may be connected to, or raise AddressRefusedError."""
        if self._is_allowed(address):
            return
        for one in (address, *_inside(address)):
            if not one.is_global or one.is_multicast:
                raise AddressRefusedError("an address of the public internet", str(address))

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)


class GuardedResolver(AbstractResolver):
    """Looks names up and gives only addresses that may be connected to."""

    def __init__(self, guard: Guard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        # All of them: of a name that leads to a forbidden place as well, nothing is believed.
        for one in found:
            self._guard.check_address(ip_address(one["host"].partition("%")[0]))
        return found

    async def close(self) -> None:
        await self._inner.close()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are what the resolver takes for addresses, too.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _inside(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.teredo is not None:
        found += address.teredo
    return [one for one in found if one is not None]
