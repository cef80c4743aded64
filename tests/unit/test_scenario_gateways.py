"""The `gateways` of a lab file: what is taken, and what is refused with the reason."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.picture import picture
from dmvpn.base.errors import UserError
from dmvpn.shells.lab.gateway import Gateway, gre_flow
from dmvpn.shells.lab.rebinding import wanted_public
from dmvpn.shells.lab_model import GatewaySpec
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
gateways:
  NAT1: {outside: 203.0.113.1/24, gateway: 203.0.113.2, inside: 192.168.1.1/24}
links:
  - ends: ["NAT1:inside", "R1:Gi0/1"]
  - ends: ["NAT1:outside", "P:Gi0/1"]
"""


def load(folder: Path, lab: str) -> Scenario:
    for name in ("R1", "P"):
        (folder / f"{name}.cfg").write_text(f"hostname {name}\n")
    (folder / "lab.yaml").write_text(lab)
    return Scenario.load(str(folder))


def test_a_gateway_is_port_restricted_and_remembers_for_three_minutes_unless_it_says_otherwise(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD).lab.gateways["NAT1"]
    assert (spec.kind, spec.timeout) == ("port-restricted", 180)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("NAT1:inside", "NAT2:inside", "link end 'NAT2:inside' names no router interface, gateway port or host"),
        ("R1:Gi0/1", "R1:inside", "link end 'R1:inside' names no router interface, gateway port or host"),
        ("NAT1:outside", "NAT1:Gi0/1", "link end 'NAT1:Gi0/1' names no router interface, gateway port or host"),
        ('  - ends: ["NAT1:outside", "P:Gi0/1"]\n', "", "nothing is plugged into NAT1:outside"),
        ("203.0.113.2", "203.0.114.2", "203.0.114.2 is not on its outside link"),
        ("192.168.1.1/24", "203.0.113.9/24", "the same addresses inside and outside"),
        ("192.168.1.1/24", "192.168.1.300/24", "gateways.NAT1.inside"),
        ("{outside", "{kind: magic, outside", "gateways.NAT1.kind"),
        ("  NAT1:", "  R1:", "R1 is a router and a gateway"),
        ("links:", "ready: {either: [R9]}\nlinks:", "there is no router R9"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError) as refused:
        load(tmp_path, GOOD.replace(old, new))
    assert words in str(refused.value)


def test_of_routers_of_which_one_suffices_the_others_are_not_waited_for() -> None:
    scenario = Scenario.load("two-spokes-one-nat")
    silent = ["Tunnel100 is not registered"]
    assert scenario.still_missing({"R31": [], "R32": silent, "R41": []}) == []
    assert scenario.still_missing({"R31": silent, "R32": [], "R41": silent}) == ["R41: Tunnel100 is not registered"]
    assert len(scenario.still_missing({"R31": silent, "R32": silent})) == 2


def test_the_picture_has_the_translator_before_its_spoke() -> None:
    lines = picture(Scenario.load("spoke-behind-nat"))
    box = next(number for number, line in enumerate(lines) if "[ NAT1 172.16.31.1 ]" in line)
    assert "TRANSPORT" in lines[box - 2]
    assert "192.168.31.10/24" in lines[box + 2]
    assert "172.16.41.1/24" in lines[box + 2], "the other spoke is on the same height"


def spec(kind: str) -> GatewaySpec:
    return GatewaySpec.model_validate(
        {"kind": kind, "outside": "203.0.113.1/24", "gateway": "203.0.113.2", "inside": "192.168.1.1/24"}
    )


def test_a_lab_says_which_kind_linux_really_is() -> None:
    cone, symmetric = (Gateway(spec(kind), spec(kind).public) for kind in ("cone", "symmetric"))
    assert symmetric.describe() == "NAT 192.168.1.1 -> 203.0.113.1, symmetric"
    assert cone.describe().endswith("port-restricted (a cone is asked for; Linux cannot be one)")


@pytest.mark.parametrize("text", ["203.0.113.2", "203.0.113.0", "203.0.113.255", "10.1.1.1", "nonsense", ""])
def test_a_public_address_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        wanted_public({"public": text}, spec("cone"))


def test_a_free_address_of_the_link_is_taken() -> None:
    assert wanted_public({"public": "203.0.113.9"}, spec("cone")) == IPv4Address("203.0.113.9")
    assert wanted_public({}, spec("cone")) is None


def test_the_kernels_table_is_read() -> None:
    line = (
        "ipv4     2 gre      47 179 timeout=30, stream_timeout=180 src=192.168.31.10 dst=172.16.11.1 srckey=0x0 "
        "dstkey=0x0 src=172.16.11.1 dst=172.16.31.1 srckey=0x0 dstkey=0x0 [ASSURED] mark=0 zone=0 use=2"
    )
    flow = gre_flow(line)
    assert flow is not None
    assert (str(flow.inside), str(flow.remote)) == ("192.168.31.10", "172.16.11.1")
    assert gre_flow(line.replace("gre", "udp")) is None
    assert gre_flow(line.replace("ipv4     2", "ipv6     10")) is None
    assert gre_flow("") is None
