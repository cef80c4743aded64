"""An interface gets an address unless another one is on an overlapping subnet, whatever was typed before."""

from __future__ import annotations

from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.interface.config import model
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

_READER = configurator(FEATURES)
_NAMES = ("Loopback1", "Tunnel1", "Tunnel2", "GigabitEthernet0/1", "GigabitEthernet0/2")
_ADDRESSES = tuple(
    IPv4Interface(text)
    for text in (
        "10.0.0.1/24",
        "10.0.0.9/29",
        "10.0.0.129/25",
        "10.0.1.1/24",
        "10.0.0.2/23",
        "10.0.0.1/8",
        "10.0.2.1/32",
    )
)
_LINES = st.one_of(
    st.sampled_from(_ADDRESSES),
    st.sampled_from(["no ip address", "shutdown", "no shutdown", "ip address dhcp", "remove", "default"]),
)


def check(typed: list[tuple[str, IPv4Interface | str]]) -> None:
    """Types it into a router and into a few lines of Python, which have to agree."""
    addresses: dict[str, IPv4Interface] = {}
    down: dict[str, bool] = {}
    lines: list[str] = []
    refusals: list[str] = []
    for name, line in typed:
        match line:
            case "remove" | "default":
                if line == "remove" and not name.startswith(("Loopback", "Tunnel")):
                    continue
                lines.append(f"{'no' if line == 'remove' else 'default'} interface {name}")
                addresses.pop(name, None)
                down.pop(name, None)
                continue
            case IPv4Interface():
                lines += [f"interface {name}", f" ip address {line.ip} {line.netmask}"]
                near = [
                    other
                    for other, theirs in addresses.items()
                    if other != name and not down.get(other) and theirs.network.overlaps(line.network)
                ]
                if near:
                    first = min(near, key=interface_sort_key)
                    refusals.append(f"% {line.network.network_address} overlaps with {first}")
                else:
                    addresses[name] = line
            case _:
                lines += [f"interface {name}", f" {line}"]
                if "address" in line:
                    addresses.pop(name, None)
                else:
                    down[name] = line == "shutdown"
    result = _READER.parse_text("\n".join(lines))
    said = [problem.message_lines[0] for problem in result.problems]
    assert [words for words in said if " overlaps with " in words] == refusals
    told = {one.name: one.address for one in model(result.tree).interfaces if one.address is not None}
    assert told == {name: (one.ip, one.network.prefixlen) for name, one in addresses.items()}


@given(st.lists(st.tuples(st.sampled_from(_NAMES), _LINES), max_size=25))
def test_an_address_is_refused_if_and_only_if_another_interface_overlaps(
    typed: list[tuple[str, IPv4Interface | str]],
) -> None:
    check(typed)


@pytest.mark.parametrize("way", ["no ip address", "shutdown", "ip address dhcp", "remove", "default", _ADDRESSES[3]])
def test_a_subnet_that_an_interface_has_given_up_is_free(way: IPv4Interface | str) -> None:
    here, there, address = "Tunnel1", "Tunnel2", _ADDRESSES[0]
    check([(here, address), (there, address), (here, way), (there, address), (here, address)])
