"""Webhooks go to the public internet and to what is allowed; a name cannot mean two addresses."""

import socket
from ipaddress import ip_address, ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from node.webhooks.errors import AddressRefusedError
from node.webhooks.guard import Guard, GuardedResolver
from node.webhooks.limits import URL_CHARS_MAX

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_is_refused_when_it_is_not_of_the_public_internet(address: str) -> None:
    with pytest.raises(AddressRefusedError, match="public internet"):
        Guard().check_address(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefusedError):
        Guard().check_url(f"https://{host}/hook")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_address_passes_when_it_is_of_the_public_internet(address: str) -> None:
    Guard().check_address(ip_address(address))


def test_address_passes_when_its_network_is_allowed_and_its_neighbour_does_not() -> None:
    guard = Guard([ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    guard.check_address(ip_address("10.1.255.255"))
    guard.check_address(ip_address("fd12::1"))
    guard.check_url("http://10.1.0.1:8080/hook")
    for address in ("10.2.0.0", "127.0.0.1", "fc00::1"):
        with pytest.raises(AddressRefusedError):
            guard.check_address(ip_address(address))
    with pytest.raises(AddressRefusedError):
        guard.check_url("http://93.184.215.14/hook")


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/hook",
        "ftp://erp.example/hook",
        "https:///hook",
        "https://",
        "erp.example/hook",
        "https://user:hush@erp.example/hook",
        "https://user@erp.example/hook",
        "https://erp.example/hook#part",
        "https://erp.example:0/hook",
        "https://erp.example:99999/hook",
        "https://[::1/hook",
        "https://localhost/hook",
        "https://LOCALHOST./hook",
        "https://printer.local/hook",
        "https://db.internal/hook",
        "https://127.1/hook",
        "https://0x7f000001/hook",
        "https://2130706433/hook",
        "https://017700000001/hook",
        "https://erp.example/a b",
        "https://erp.example/\n",
        "https://erp.exämple/hook",
        "https://erp.example/" + "x" * URL_CHARS_MAX,
    ],
)
def test_url_is_refused_when_it_may_lead_elsewhere(url: str) -> None:
    with pytest.raises(AddressRefusedError) as refused:
        Guard().check_url(url)
    assert refused.value.field == "url"
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://erp.example/hook?a=1", "https://erp.example:8443", "https://93.184.215.14/x"])
def test_url_passes_when_it_names_a_public_place(url: str) -> None:
    Guard().check_url(url)


class Names(AbstractResolver):
    """Answers any name with these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        self.closed = True


async def test_name_is_refused_when_any_of_its_addresses_is_private() -> None:
    for addresses in (("127.0.0.1",), ("93.184.215.14", "10.0.0.1"), ("fe80::1%eth0",)):
        with pytest.raises(AddressRefusedError):
            await GuardedResolver(Guard(), Names(*addresses)).resolve("erp.example", 443)


async def test_name_is_resolved_when_all_of_its_addresses_are_public() -> None:
    names = Names("93.184.215.14")
    resolver = GuardedResolver(Guard(), names)
    (found,) = await resolver.resolve("erp.example", 443)
    assert found["host"] == "93.184.215.14"
    await resolver.close()
    assert names.closed
