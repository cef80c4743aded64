"""The doctor where secrets are not shown: no two of them are known to be equal, nor to differ.

Facts have `<removed>` in the place of each key and password, so two lines that look alike may say different things.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.facts import reason_facts
from dmvpn.base.findings import Cause
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor import ipsec, protocols, registration
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.tools.doctor.scene import Client
    from dmvpn.tools.doctor.verdicts import Verdict

HUB, SPOKE = "10.0.0.1", "10.0.0.2"
#: The NBMA address of each router.
NBMA = {HUB: "192.0.2.1", SPOKE: "192.0.2.2", "10.0.0.3": "192.0.2.3"}


def _tunnel(address: str) -> dict[str, object]:
    server = {"address": HUB, "nbma": NBMA[HUB], "wanted": True, "responding": True, "refused": False, "secured": True}
    return {
        "name": "Tunnel0",
        "up": True,
        "addresses": (address,),
        "source": NBMA[address],
        "source_interface": "Ethernet0",
        "destination": None,
        "key": None,
        "nhrp": True,
        "protection": "",
        "servers": () if address == HUB else (server,),
    }


def router(address: str, *configuration: str, **more: object) -> RouterFacts:
    """A router with this tunnel address and these lines."""
    port = {"name": "Ethernet0", "enabled": True, "line": True, "addresses": (f"{NBMA[address]}/24",)}
    name = f"R{address[-1]}"
    facts = {
        "hostname": name,
        "configuration": (f"hostname {name}", *configuration),
        "interfaces": (port,),
        "tunnels": (_tunnel(address),),
        **more,
    }
    return RouterFacts.model_validate(facts)


def found(check: Callable[[Scene, Client], Iterator[Verdict]], *routers: RouterFacts) -> Finding:
    """Return the finding of a check of the first router and its server."""
    scene = Scene(LabFacts(routers={one.hostname: one for one in routers}, gateways={}, links=()))
    (finding,) = (one for one in check(scene, scene.clients(routers[0].hostname)[0]) if isinstance(one, Finding))
    return finding


# ------------------------------------------------------------------------------------------------ OSPF

CHAINED = ("key chain OF-EIGRP", " key 1", "  key-string <removed>")
OF_EIGRP = ("interface Tunnel9", " ip authentication key-chain eigrp 1 OF-EIGRP")
DIGEST = (
    "interface Tunnel0",
    " ip ospf 1 area 0",
    " ip ospf authentication message-digest",
    " ip ospf message-digest-key 1 md5 <removed>",
)


def with_ospf(address: str, *configuration: str, up: bool = False, sees: str = HUB) -> RouterFacts:
    """A router that takes no Hello of the other end for authentic, or has all neighbors."""
    port = {"name": "Tunnel0", "area": 0, "network": "point-to-multipoint", "cost": 1, "speaks": True}
    reason = reason_facts(None if up else Reason(OspfReason.NOT_AUTHENTIC, ("its digest is another one",)))
    neighbor = {"protocol": "ospf 1", "interface": "Tunnel0", "address": sees, "up": up, "age": 1.0, "reason": reason}
    process = {"process": 1, "router_id": address, "interfaces": (port,)}
    lines = ("router ospf 1", "interface Tunnel0", f" ip address {address} 255.255.255.0", *configuration)
    return router(address, *lines, ospf=(process,), neighbors=(neighbor,))


def test_two_keys_of_ospf_that_are_not_shown_differ_if_one_end_refuses_the_other() -> None:
    """The doctor took two keys that were not shown for one, and showed the key chain of another protocol instead."""
    lines = (*CHAINED, *DIGEST, *OF_EIGRP)
    finding = found(protocols.ospf, with_ospf(SPOKE, *lines), with_ospf(HUB, *lines, sees=SPOKE))
    assert finding.cause is Cause.OSPF_AUTHENTICATION
    assert finding.what == "R2 and R1 have different OSPF keys: each drops what the other one sends"
    assert finding.fix[0] == "interface Tunnel0"
    assert not any("key chain" in line or "key-string" in line for line in finding.fix)
    assert finding.others == ("R1",)


def test_keys_of_ospf_with_other_numbers_are_another_authentication_for_certain() -> None:
    other = tuple(line.replace("key 1", "key 2") for line in DIGEST)
    finding = found(protocols.ospf, with_ospf(SPOKE, *DIGEST), with_ospf(HUB, *other, sees=SPOKE))
    assert finding.certain
    assert "ip ospf message-digest-key 2 md5 <secret>" in finding.fix


def test_where_a_server_hears_another_client_the_key_of_this_one_is_wrong_for_certain() -> None:
    hub = with_ospf(HUB, *DIGEST, sees=SPOKE)
    well = hub.neighbors[0].model_copy(update={"address": ip_address("10.0.0.3"), "up": True})
    hub = hub.model_copy(update={"neighbors": (*hub.neighbors, well)})
    other = with_ospf("10.0.0.3", *DIGEST, up=True)
    finding = found(protocols.ospf, with_ospf(SPOKE, *DIGEST), hub, other)
    assert finding.certain
    assert (finding.router, finding.fix[-1]) == ("R2", "ip ospf message-digest-key 1 md5 <secret>")


# ------------------------------------------------------------------------------------------------ EIGRP and RIP

KEYS = ("key chain K", " key 7", "  key-string <removed>")
CLASSIC = (
    "router eigrp 1",
    " network 10.0.0.0",
    "interface Tunnel0",
    " ip authentication mode eigrp 1 md5",
    " ip authentication key-chain eigrp 1 K",
)
NAMED = (
    "router eigrp WAN",
    " address-family ipv4 unicast autonomous-system 1",
    "  network 10.0.0.0",
    "  af-interface Tunnel0",
    "   authentication mode hmac-sha-256 <removed>",
)
OF_RIP = (
    "router rip",
    " version 2",
    " network 10.0.0.0",
    "interface Tunnel0",
    " ip rip authentication mode md5",
    " ip rip authentication key-chain K",
)
OF_KEY_7 = (
    "secrets are not shown here: is 'key-string' of 'key chain K / key 7' at R2 the same as "
    "'key-string' of 'key chain K / key 7' at R1?"
)


def with_eigrp(address: str, *configuration: str, name: str = "", mode: str = "md5") -> RouterFacts:
    """A router that took packets of EIGRP for false."""
    process = {
        "autonomous_system": 1,
        "name": name,
        "interfaces": ({"name": "Tunnel0", "authentication": mode},),
        "dropped": {"authentication failed": 3},
    }
    return router(address, *_port(address), *configuration, eigrp=(process,))


def with_rip(address: str, *configuration: str) -> RouterFacts:
    """A router that took packets of RIP for false."""
    return router(address, *_port(address), *configuration, rip={"interfaces": ({"name": "Tunnel0", **REFUSES},)})


REFUSES = {"authentication": "md5", "ignored": 3}


def test_two_keys_of_eigrp_that_are_not_shown_are_compared_by_the_reader() -> None:
    lines = (*KEYS, *CLASSIC)
    finding = found(protocols.eigrp, with_eigrp(SPOKE, *lines), with_eigrp(HUB, *lines))
    assert finding.what == "R2 and R1 may have different EIGRP keys"
    assert finding.fix == ("key chain K", "key 7", "key-string <secret>")
    assert finding.decide == OF_KEY_7


def test_a_lifetime_that_only_one_end_has_is_a_difference_for_certain() -> None:
    lines = (*KEYS, *CLASSIC)
    over = (*KEYS, "  accept-lifetime 00:00:00 Jan 1 2020 00:00:00 Jan 2 2020", *CLASSIC)
    finding = found(protocols.eigrp, with_eigrp(SPOKE, *over), with_eigrp(HUB, *lines))
    assert finding.certain
    assert finding.fix == ("key chain K", "key 7", "no accept-lifetime")


def test_a_password_of_an_eigrp_interface_is_compared_and_no_key_chain_is_made_for_it() -> None:
    """The lines to enter made a key chain, which HMAC-SHA-256 does not use."""
    spoke, hub = (with_eigrp(one, *NAMED, name="WAN", mode="hmac-sha-256") for one in (SPOKE, HUB))
    finding = found(protocols.eigrp, spoke, hub)
    assert finding.fix == (
        "router eigrp WAN",
        "address-family ipv4 unicast autonomous-system 1",
        "af-interface Tunnel0",
        "authentication mode hmac-sha-256 <secret>",
    )
    assert finding.decide.count(f"'authentication mode hmac-sha-256' of '{' / '.join(finding.fix[:3])}'") == 2


def test_two_keys_of_rip_that_are_not_shown_are_compared_by_the_reader() -> None:
    lines = (*KEYS, *OF_RIP)
    finding = found(protocols.rip, with_rip(SPOKE, *lines), with_rip(HUB, *lines))
    assert finding.what == "R2 and R1 may have different RIP keys"
    assert finding.decide == OF_KEY_7


def test_keys_of_rip_with_other_numbers_differ_for_certain() -> None:
    lines = (*KEYS, *OF_RIP)
    other = tuple(line.replace("key 7", "key 8") for line in lines)
    finding = found(protocols.rip, with_rip(SPOKE, *lines), with_rip(HUB, *other))
    assert finding.certain
    assert finding.what.startswith("R2 has RIP authentication by md5 with key 7, and R1 has ")


# ------------------------------------------------------------------------------------------------ BGP


def with_bgp(address: str, other: str, *lines: str, secured: bool = True) -> RouterFacts:
    """A router without the session that it wants with another one."""
    own = ("router bgp 65000", f" neighbor {other} remote-as 65000", *(f" neighbor {other} {line}" for line in lines))
    peer = {"address": other, "local_as": 65000, "remote_as": 65000, "secured": secured}
    return router(address, *_port(address), *own, bgp={"local_as": 65000, "called": (other,), "peers": (peer,)})


def _port(address: str) -> tuple[str, ...]:
    return "interface Tunnel0", f" ip address {address} 255.255.255.0"


HIDDEN = "password <removed>"


def test_two_passwords_of_bgp_that_are_not_shown_are_not_called_different() -> None:
    """The doctor said for certain that the other end did not have the same password, without having seen either."""
    finding = found(protocols.bgp, with_bgp(SPOKE, HUB, HIDDEN), with_bgp(HUB, SPOKE, HIDDEN))
    assert finding.cause is Cause.BGP_PASSWORD
    assert finding.what == "R2 and R1 may have different BGP passwords"
    assert finding.decide == (
        "secrets are not shown here: is 'neighbor 10.0.0.1 password' of 'router bgp 65000' at R2 the same as "
        "'neighbor 10.0.0.2 password' of 'router bgp 65000' at R1?"
    )


def test_a_session_from_another_address_comes_before_passwords_that_are_not_shown() -> None:
    """Where both ends had a password, an address that the other end refuses was never found."""
    spoke = with_bgp(SPOKE, HUB, HIDDEN, "update-source Loopback0")
    finding = found(protocols.bgp, spoke, with_bgp(HUB, SPOKE, HIDDEN))
    assert finding.fix == ("router bgp 65000", "no neighbor 10.0.0.1 update-source Loopback0")


def test_a_password_that_only_one_end_has_is_a_difference_for_certain() -> None:
    """No other client shows which end is odd: the protected one stays."""
    finding = found(protocols.bgp, with_bgp(SPOKE, HUB, HIDDEN), with_bgp(HUB, SPOKE, secured=False))
    assert finding.certain
    assert (finding.router, finding.others) == ("R1", ("R2",))
    assert finding.fix == ("router bgp 65000", "neighbor 10.0.0.2 password <secret>")


def test_the_password_of_a_range_is_that_of_its_group() -> None:
    """A client whose server listens to a range was accused, though the group of the range has a password."""
    own = ("neighbor SPOKES peer-group", "neighbor SPOKES remote-as 65000", "neighbor SPOKES password <removed>")
    lines = ("router bgp 65000", *(f" {line}" for line in own), " bgp listen range 10.0.0.0/24 peer-group SPOKES")
    hub = router(HUB, *_port(HUB), *lines, bgp={"local_as": 65000, "ranges": ("10.0.0.0/24",), "listen_limit": 100})
    finding = found(protocols.bgp, with_bgp(SPOKE, HUB, HIDDEN), hub)
    assert finding.decide.endswith("'neighbor SPOKES password' of 'router bgp 65000' at R1?")


# ------------------------------------------------------------------------------------------------ NHRP and IKE


def with_nhrp(address: str, *, reason: Reason | None = None) -> RouterFacts:
    """A router with an NHRP password; with a reason, its registration failed."""
    lines = ("interface Tunnel0", " ip nhrp network-id 1", " ip nhrp authentication <removed>")
    tunnel = {**_tunnel(address), "authenticated": True}
    if reason is not None:
        server = {"address": HUB, "nbma": NBMA[HUB], "wanted": True, "responding": False, "refused": True}
        tunnel["servers"] = ({**server, "secured": True, "reason": reason_facts(reason)},)
    return router(address, *lines, tunnels=(tunnel,))


def test_two_passwords_of_nhrp_that_are_not_shown_differ_for_certain_if_the_server_refuses_one() -> None:
    refused = Reason(NhrpReason.OTHER_PASSWORD)
    finding = found(registration.servers, with_nhrp(SPOKE, reason=refused), with_nhrp(HUB))
    assert finding.cause is Cause.AUTHENTICATION
    assert finding.certain


def with_ike(address: str, *lines: str, reason: Reason | None = None) -> RouterFacts:
    """A router whose tunnel is protected."""
    tunnel = {**_tunnel(address), "protection": "P"}
    if reason is not None:
        server = {"address": HUB, "nbma": NBMA[HUB], "wanted": True, "responding": False, "refused": False}
        peer = {"nbma": NBMA[HUB], "reason": reason_facts(reason)}
        tunnel |= {"servers": ({**server, "secured": False},), "unsecured": (peer,)}
    return router(address, *lines, tunnels=(tunnel,))


def test_two_pre_shared_keys_that_are_not_shown_are_compared_by_the_reader() -> None:
    ring = ("crypto ikev2 keyring KR", " peer ALL", "  address 0.0.0.0 0.0.0.0", "  pre-shared-key <removed>")
    old = ("crypto isakmp key <removed> address 0.0.0.0",)
    other = Reason(IkeReason.OTHER_KEY, (NBMA[HUB], "P"))
    finding = found(ipsec.ike, with_ike(SPOKE, *ring, reason=other), with_ike(HUB, *old))
    assert finding.cause is Cause.PSK
    assert finding.decide == (
        "secrets are not shown here: is 'pre-shared-key' of 'crypto ikev2 keyring KR / peer ALL' at R2 the same as "
        "'crypto isakmp key address 0.0.0.0' at R1?"
    )


def test_a_hexadecimal_key_that_is_not_shown_is_a_key() -> None:
    ring = ("crypto ikev2 keyring KR", " peer HUB", "  address 192.0.2.1", "  pre-shared-key hex <removed>")
    other = Reason(IkeReason.OTHER_KEY, (NBMA[HUB], "P"))
    finding = found(ipsec.ike, with_ike(SPOKE, *ring, reason=other), with_ike(HUB, *ring))
    assert finding.fix == ("crypto ikev2 keyring KR", "peer HUB", "pre-shared-key <secret>")
