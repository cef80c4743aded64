"""What people read of IKE and IPsec, to the octet.

`goldens` holds the outputs, named as tests/support/parse_check.py wants it: `make test-parsers` gives them to the
parsers of automation users. `UPDATE_GOLDENS=1` writes them again; read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkePhase, IkeView, SaCount, SaView
from dmvpn.base.sessions import sessions
from dmvpn.features.ike.counters import ClearIkeStats
from dmvpn.features.ike.show import COMMANDS as IKE
from dmvpn.features.ipsec.machine import ClearCrypto
from dmvpn.features.ipsec.show import COMMANDS as IPSEC
from dmvpn.features.ipsec.show.words import plaintext_mtu
from dmvpn.ios import ExecParser, Match
from support.crypto import (
    HUB_IKE,
    HUB_PAIR,
    NOW,
    SECRETS,
    TUNNEL,
    CryptoView,
    Filtered,
    Migrated,
    Nobody,
    Rekeyed,
    Some,
)

GOLDENS = Path(__file__).parent / "goldens"
PARSER = ExecParser((*IKE, *IPSEC))

ALONE = (
    "show crypto session",
    "show crypto session detail",
    "show crypto ikev2 sa",
    "show crypto ikev2 sa detailed",
    "show crypto ikev2 session",
    "show crypto ikev2 session detailed",
    "show crypto ipsec sa",
    "show crypto ipsec sa detail",
    "show crypto map",
    "show crypto sockets",
)
SEVERAL = (
    *ALONE,
    "show crypto session brief",
    "show crypto session remote 192.0.2.77",
    "show crypto ipsec sa peer 192.0.2.77",
    "show crypto ipsec sa interface Tunnel0",
    "show crypto ikev2 stats",
    "show crypto ikev2 proposal",
    "show crypto ikev2 policy",
    "show crypto ikev2 profile DMVPN-IKEv2-PROFILE",
    "show crypto ipsec profile",
    "show crypto ipsec transform-set",
    "show crypto isakmp policy",
)


def show(line: str, view: CryptoView | None = None) -> str:
    """The text of a command."""
    return "".join(f"{text}\n" for text in _match(line).lines(view or CryptoView()))


def _match(line: str) -> Match:
    match = PARSER.match(line)
    assert isinstance(match, Match), match
    return match


@pytest.mark.parametrize(
    ("command", "alone"), [*((command, True) for command in ALONE), *((command, False) for command in SEVERAL)]
)
def test_an_output_is_as_it_was_read_and_found_right(command: str, alone: bool) -> None:
    golden = GOLDENS / f"{command.replace(' ', '_')}__{'one_peer' if alone else 'several_peers'}.txt"
    text = show(command, CryptoView(alone=alone))
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_session_that_a_list_cuts_says_which_entry_does_it() -> None:
    golden = GOLDENS / "show_crypto_session_detail__cut_by_list.txt"
    text = show("show crypto session detail", Filtered(alone=True))
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()
    (session,) = json.loads(show("show crypto session detail | json", Filtered(alone=True)))["sessions"]
    assert session["denied"].startswith("access list WAN-IN, entry 20, inbound on GigabitEthernet0/1, denies ESP from ")


def test_no_command_gives_a_key_away() -> None:
    for command in SEVERAL:
        texts = (show(command), show(f"{command} | json"))
        assert not any(secret in text for secret in SECRETS for text in texts), command


def test_every_output_is_data_too() -> None:
    for command in SEVERAL:
        assert json.loads(show(f"{command} | json")), command


def test_the_line_about_nat_is_found_by_its_word() -> None:
    assert show("show crypto ikev2 sa detailed | include NAT", CryptoView(alone=True)) == (
        "      NAT-T is not detected  \n"
    )


def test_a_router_without_peers_shows_titles_alone() -> None:
    assert show("show crypto ikev2 sa", Nobody()) == " IPv4 Crypto IKEv2  SA \n\n IPv6 Crypto IKEv2  SA \n\n"
    assert show("show crypto session", Nobody()) == "Crypto session current status\n\n"
    assert show("show crypto ipsec sa", Nobody()) == (
        "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0, local addr 198.51.100.1\n"
    )


def test_what_runs_as_ikev2_is_no_isakmp_sa_whatever_lines_it_came_from() -> None:
    nothing = (
        "IPv4 Crypto ISAKMP SA\ndst             src             state          conn-id status\n\n"
        "IPv6 Crypto ISAKMP SA\n\n"
    )
    assert show("show crypto isakmp sa", CryptoView(alone=True)) == nothing
    assert show("show crypto isakmp sa", Migrated()) == nothing
    assert "READY" in show("show crypto ikev2 sa", Migrated())


@pytest.mark.parametrize(
    ("ikes", "pairs", "status", "letters"),
    [
        ((HUB_IKE,), (HUB_PAIR,), "UP-ACTIVE", "UA"),
        ((HUB_IKE,), (), "UP-IDLE", "UI"),
        ((), (HUB_PAIR,), "UP-NO-IKE", "UK"),
        ((replace(HUB_IKE, phase=IkePhase.INIT, connection=None),), (), "DOWN-NEGOTIATING", "DN"),
        ((), (), "DOWN", "D"),
    ],
)
def test_the_status_of_a_session_says_what_there_is(
    ikes: tuple[IkeView, ...], pairs: tuple[SaView, ...], status: str, letters: str
) -> None:
    view = Some(ikes=ikes, pairs=pairs)
    assert f"Session status: {status:<14}\n" in show("show crypto session", view)
    row = show("show crypto session brief", view).splitlines()[-1].split()
    assert (row[0], row[-1]) == ("203.0.113.1", letters)


def test_several_peers_behind_one_address_are_several_sessions() -> None:
    other = replace(HUB_PAIR.connection, number=9, identity="another", remote_port=4501)
    pairs = (HUB_PAIR, replace(HUB_PAIR, connection=other, spi_in=0x900, spi_out=0x901))
    text = show("show crypto session detail", Some(pairs=pairs))
    assert text.count("Session status: UP") == 2
    assert "Peer: 203.0.113.1 port 4501" in text
    assert show("show crypto ipsec sa", Some(pairs=pairs)).count("protected vrf:") == 2


def test_tunnels_that_share_a_source_share_their_sas() -> None:
    view = Some(tunnels=(TUNNEL, replace(TUNNEL, name="Tunnel1")), pairs=(HUB_PAIR,))
    text = show("show crypto ipsec sa", view)
    assert "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0, local addr 198.51.100.1\n" in text
    assert "interface: Tunnel1\n    Crypto map tag: Tunnel1-head-0, local addr 198.51.100.1\n" in text
    assert text.count("spi: 0x232CB82D") == 2


def test_a_session_with_ipv6_addresses_is_shown_in_ipv6s_part() -> None:
    ours, theirs = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    view = Some(ikes=(replace(HUB_IKE, connection=None, local=ours, remote=theirs),))
    lines = show("show crypto ikev2 sa", view).splitlines()
    assert lines[:2] == [" IPv4 Crypto IKEv2  SA ", ""]
    assert lines[2] == " IPv6 Crypto IKEv2  SA "
    assert lines[4:8] == [
        "Tunnel-id    fvrf/ivrf              Status    ",
        "1          none/none             READY  ",
        "Local  2001:db8::1/500 ",
        "Remote  2001:db8::2/500 ",
    ]


def test_counters_of_a_flow_go_on_over_a_rekey() -> None:
    carried = SaCount(spi_in=0x100, sent=100, received=50, replayed=3)
    old = replace(HUB_PAIR, used=False, before=carried)
    new = replace(HUB_PAIR, spi_in=0x101, spi_out=0x102, count=SaCount(spi_in=0x101, sent=1), before=carried)
    view = Rekeyed(pairs=(old, new))
    flow = sessions(view.ports, NOW)[0].flow
    assert (flow.sas, flow.sent, flow.received, flow.received_dropped, flow.spi) == (4, 115, 62, 3, 0x102)
    text = show("show crypto ipsec sa", view)
    assert "#pkts encaps: 115, #pkts encrypt: 115" in text
    assert "current outbound spi: 0x102(258)" in text
    assert text.count("Status: ACTIVE(ACTIVE)") == 4


def test_a_peer_that_moved_away_from_the_address_that_is_wanted_is_shown_where_it_is() -> None:
    moved = replace(HUB_PAIR, connection=replace(HUB_PAIR.connection, remote=IPv4Address("192.0.2.200")))
    assert "Peer: 192.0.2.200 port 500" in show("show crypto session", Rekeyed(pairs=(moved,)))


@pytest.mark.parametrize(
    ("transform", "transport", "udp", "octets"),
    [
        (EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256), True, False, 1458),  # a CSR 1000v says so
        (EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA1), True, True, 1442),  # an ISR says so
        (EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256), False, False, 1438),  # a CSR 1000v says so
        (EspTransform(EspCipher.AES_GCM, 128), True, False, 1466),
    ],
)
def test_the_room_for_plaintext_is_what_real_routers_print(
    transform: EspTransform, transport: bool, udp: bool, octets: int
) -> None:
    assert plaintext_mtu(transform, 1500, transport=transport, udp=udp, version=4) == octets


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("clear crypto session", ClearCrypto()),
        ("clear crypto session remote 203.0.113.1", ClearCrypto(IPv4Address("203.0.113.1"))),
        ("clear crypto session remote 2001:db8::1", ClearCrypto(IPv6Address("2001:db8::1"))),
        ("clear crypto sa", ClearCrypto(sas_only=True)),
        ("clear crypto sa peer 203.0.113.1", ClearCrypto(IPv4Address("203.0.113.1"), sas_only=True)),
        ("clear crypto ikev2 sa", ClearCrypto()),
        ("clear crypto isakmp", ClearCrypto(spared=(1, 2))),
        ("clear crypto ikev2 stats", ClearIkeStats()),
    ],
)
def test_orders_say_what_is_to_be_cleared(line: str, event: ClearCrypto | ClearIkeStats) -> None:
    match = _match(line)
    assert match.command.privilege == 15
    assert match.command.action is not None
    assert match.command.action(CryptoView(), match.args) == event
