"""Whose key proves which name: a key that was found by address is everybody's who has it."""

from __future__ import annotations

import pytest

from dmvpn.base.negotiation import ConnectionChanged
from dmvpn.base.protection import Connection, Proved
from dmvpn.features.ike.numbers import IdType
from support.ike_machines import MachineNet, Node

HUB, SPOKE, OTHER = "198.51.100.1", "203.0.113.10", "203.0.113.66"
RING = """
crypto ikev2 keyring RING
 peer ALL
  address 0.0.0.0 0.0.0.0
  pre-shared-key everybody
 peer SPOKE1
  identity fqdn spoke1.example
  pre-shared-key its-own
"""
PROFILE = """
crypto ikev2 profile P
 match identity remote any
 identity local {identity}
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""
HUB_TEXT = RING + PROFILE.format(identity=f"address {HUB}")


def spoke(identity: str, key: str) -> str:
    return f"""
crypto ikev2 keyring RING
 peer HUB
  address {HUB}
  pre-shared-key {key}
{PROFILE.format(identity=identity)}"""


def meet(hub: str, text: str, address: str = SPOKE) -> tuple[Node, list[Connection]]:
    net = MachineNet()
    responder, initiator = net.node(HUB, hub), net.node(address, text)
    initiator.want(responder)
    net.run(5)
    return responder, list(responder.connections.values())


def test_the_key_of_its_entry_proves_a_name() -> None:
    _, (made,) = meet(HUB_TEXT, spoke("fqdn spoke1.example", "its-own"))
    assert made.identity == "spoke1.example"
    assert made.proved == Proved(IdType.FQDN, b"spoke1.example", "keyring RING peer SPOKE1")
    assert made.unproved == ""


def test_the_key_of_all_does_not_prove_a_name_that_an_entry_names() -> None:
    hub, made = meet(HUB_TEXT, spoke("fqdn spoke1.example", "everybody"))
    assert made == []
    assert any("spoke1.example has another one" in line for line in hub.logs), hub.logs


def test_nor_does_it_in_another_profile_whose_keyring_does_not_name_it() -> None:
    """The first profile that matches is for anybody: the key of all was enough for the name of one."""
    second = PROFILE.format(identity=f"address {HUB}").replace("profile P", "profile Q")
    named = RING.replace(" peer ALL\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key everybody\n", "")
    named = named.replace("RING", "NAMED").replace("its-own", "its-own")
    wild = RING[: RING.index(" peer SPOKE1")]
    default = PROFILE.format(identity=f"address {HUB}").replace("profile P", "profile default")
    text = wild + named + default + second.replace("keyring local RING", "keyring local NAMED")
    hub, made = meet(text, spoke("fqdn spoke1.example", "everybody"))
    assert made == []
    assert any("is named by keyring NAMED, and its key alone proves it" in line for line in hub.logs), hub.logs


def test_a_name_that_nobody_names_is_taken_and_known_not_to_be_proved() -> None:
    _, (made,) = meet(HUB_TEXT, spoke("fqdn spoke2.example", "everybody"))
    assert made.unproved == "keyring RING peer ALL"
    _, (made,) = meet(HUB_TEXT, spoke(f"address {SPOKE}", "everybody"))
    assert made.unproved == "keyring RING peer ALL"


def test_a_name_of_another_kind_is_another_one_though_it_reads_the_same() -> None:
    _, (one,) = meet(HUB_TEXT, spoke("fqdn spoke1.example", "its-own"))
    _, (two,) = meet(HUB_TEXT, spoke("key-id spoke1.example", "everybody"))
    assert one.identity == two.identity
    assert one.proved != two.proved


def test_an_entry_for_one_address_proves_that_address() -> None:
    text = HUB_TEXT.replace("identity fqdn spoke1.example", f"address {SPOKE}")
    _, (made,) = meet(text, spoke(f"address {SPOKE}", "its-own"))
    assert made.unproved == ""
    assert meet(text, spoke(f"address {SPOKE}", "everybody"), OTHER)[1] == []


@pytest.mark.parametrize(("identity", "key", "taken"), [("spoke1", "its-own", True), ("spoke2", "everybody", False)])
def test_names_that_are_not_proved_are_refused_where_the_profile_says_so(identity: str, key: str, taken: bool) -> None:
    hub, made = meet(HUB_TEXT + " refuse unproved-names\n", spoke(f"fqdn {identity}.example", key))
    assert bool(made) is taken
    assert taken or any("was found by address, and proves no name" in line for line in hub.logs), hub.logs


def test_two_keys_with_one_name_behind_one_translator_are_two_connections() -> None:
    """Whoever had any key took the connection, and with it the addresses, of whom it named itself after."""
    text = HUB_TEXT.replace("address 0.0.0.0 0.0.0.0", "address 203.0.113.0 255.255.255.0")
    net = MachineNet()
    hub, one = net.node(HUB, text), net.node(SPOKE, spoke("fqdn spoke2.example", "everybody"))
    one.want(hub)
    net.run(5)
    hub.configure(text.replace(" peer ALL", " peer RENAMED"))
    net.node(SPOKE, spoke("fqdn spoke2.example", "everybody"), seed="again").want(hub)
    net.run(5)
    numbers = {change.new.number for change in hub.heard(ConnectionChanged) if change.new is not None}
    assert len(numbers) == 2
