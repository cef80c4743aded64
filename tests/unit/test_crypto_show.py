"""What people read of IKE and IPsec, to the octet.

`goldens` holds the outputs, named as tests/support/parse_check.py wants it: `make test-parsers` gives them to the
parsers of automation users. `UPDATE_GOLDENS=1` writes them again; read the difference before committing it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ntc_templates.parse import parse_output

from dmvpn.base.errors import UserError
from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkePhase, IkeVersion, IkeView, SaCount, SaView
from dmvpn.base.sessions import sessions
from dmvpn.face.language import exec_parser
from dmvpn.features.ike.counters import ClearIkeStats
from dmvpn.features.ike.show import COMMANDS as IKE
from dmvpn.features.ipsec.machine import ClearCrypto
from dmvpn.features.ipsec.show import COMMANDS as IPSEC
from dmvpn.features.ipsec.show.sas import plaintext_mtu
from dmvpn.ios import ExecParser, Match
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support import crypto
from support.fakes import FakeIke, FakeProtection, fake_ports
from support.pki import Console, dialog
from support.texts import file_text, is_golden

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports

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


def show(line: str, view: crypto.CryptoView | None = None) -> str:
    """The text of a command."""
    return "".join(f"{text}\n" for text in _match(line).lines(view or crypto.CryptoView()))


def _match(line: str) -> Match:
    match = PARSER.match(line)
    assert isinstance(match, Match), match
    return match


@pytest.mark.parametrize(
    ("command", "alone"), [*((command, True) for command in ALONE), *((command, False) for command in SEVERAL)]
)
def test_an_output_is_as_it_was_read_and_found_right(command: str, alone: bool) -> None:
    is_golden(
        show(command, crypto.CryptoView(alone=alone)),
        f"{command.replace(' ', '_')}__{'one_peer' if alone else 'several_peers'}",
    )


def test_a_session_that_a_list_cuts_says_which_entry_does_it() -> None:
    is_golden(
        show("show crypto session detail", crypto.Filtered(alone=True)), "show_crypto_session_detail__cut_by_list"
    )
    (session,) = json.loads(show("show crypto session detail | json", crypto.Filtered(alone=True)))["sessions"]
    assert session["denied"].startswith("access list WAN-IN, entry 20, inbound on GigabitEthernet0/1, denies ESP from ")


def test_no_command_gives_a_key_away() -> None:
    for command in SEVERAL:
        texts = (show(command), show(f"{command} | json"))
        assert not any(secret in text for secret in crypto.SECRETS for text in texts), command


def test_every_output_is_data_too() -> None:
    for command in SEVERAL:
        assert json.loads(show(f"{command} | json")), command


def test_the_line_about_nat_is_found_by_its_word() -> None:
    assert show("show crypto ikev2 sa detailed | include NAT", crypto.CryptoView(alone=True)) == (
        "      NAT-T is not detected  \n"
    )


def test_a_router_without_peers_shows_titles_alone() -> None:
    assert show("show crypto ikev2 sa", crypto.Nobody()) == " IPv4 Crypto IKEv2  SA \n\n IPv6 Crypto IKEv2  SA \n\n"
    assert show("show crypto session", crypto.Nobody()) == "Crypto session current status\n\n"
    assert show("show crypto ipsec sa", crypto.Nobody()) == (
        "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0, local addr 198.51.100.1\n"
    )


def test_what_runs_as_ikev2_is_no_isakmp_sa_whatever_lines_it_came_from() -> None:
    nothing = (
        "IPv4 Crypto ISAKMP SA\ndst             src             state          conn-id status\n\n"
        "IPv6 Crypto ISAKMP SA\n\n"
    )
    assert show("show crypto isakmp sa", crypto.CryptoView(alone=True)) == nothing
    assert show("show crypto isakmp sa", crypto.Migrated()) == nothing
    assert "READY" in show("show crypto ikev2 sa", crypto.Migrated())


@pytest.mark.parametrize(
    ("ikes", "pairs", "status", "letters"),
    [
        ((crypto.HUB_IKE,), (crypto.HUB_PAIR,), "UP-ACTIVE", "UA"),
        ((crypto.HUB_IKE,), (), "UP-IDLE", "UI"),
        ((), (crypto.HUB_PAIR,), "UP-NO-IKE", "UK"),
        ((replace(crypto.HUB_IKE, phase=IkePhase.INIT, connection=None),), (), "DOWN-NEGOTIATING", "DN"),
        ((), (), "DOWN", "D"),
    ],
)
def test_the_status_of_a_session_says_what_there_is(
    ikes: tuple[IkeView, ...], pairs: tuple[SaView, ...], status: str, letters: str
) -> None:
    view = crypto.Some(ikes=ikes, pairs=pairs)
    assert f"Session status: {status:<14}\n" in show("show crypto session", view)
    row = show("show crypto session brief", view).splitlines()[-1].split()
    assert (row[0], row[-1]) == ("203.0.113.1", letters)


def test_several_peers_behind_one_address_are_several_sessions() -> None:
    other = replace(crypto.HUB_PAIR.connection, number=9, identity="another", remote_port=4501)
    pairs = (crypto.HUB_PAIR, replace(crypto.HUB_PAIR, connection=other, spi_in=0x900, spi_out=0x901))
    text = show("show crypto session detail", crypto.Some(pairs=pairs))
    assert text.count("Session status: UP") == 2
    assert "Peer: 203.0.113.1 port 4501" in text
    assert show("show crypto ipsec sa", crypto.Some(pairs=pairs)).count("protected vrf:") == 2


def test_tunnels_that_share_a_source_share_their_sas() -> None:
    view = crypto.Some(tunnels=(crypto.TUNNEL, replace(crypto.TUNNEL, name="Tunnel1")), pairs=(crypto.HUB_PAIR,))
    text = show("show crypto ipsec sa", view)
    assert "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0, local addr 198.51.100.1\n" in text
    assert "interface: Tunnel1\n    Crypto map tag: Tunnel1-head-0, local addr 198.51.100.1\n" in text
    assert text.count("spi: 0x232CB82D") == 2


def test_a_session_with_ipv6_addresses_is_shown_in_ipv6s_part() -> None:
    ours, theirs = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    view = crypto.Some(ikes=(replace(crypto.HUB_IKE, connection=None, local=ours, remote=theirs),))
    lines = show("show crypto ikev2 sa", view).splitlines()
    assert lines[:2] == [" IPv4 Crypto IKEv2  SA ", ""]
    assert lines[2] == " IPv6 Crypto IKEv2  SA "
    is_golden(lines[4:8], "crypto_show/a_session_with_ipv6_addresses_is_shown_in_ipv6s_part")


def test_counters_of_a_flow_go_on_over_a_rekey() -> None:
    carried = SaCount(spi_in=0x100, sent=100, received=50, replayed=3)
    old = replace(crypto.HUB_PAIR, used=False, before=carried)
    new = replace(crypto.HUB_PAIR, spi_in=0x101, spi_out=0x102, count=SaCount(spi_in=0x101, sent=1), before=carried)
    view = crypto.Rekeyed(pairs=(old, new))
    flow = sessions(view.ports, crypto.NOW)[0].flow
    assert (flow.sas, flow.sent, flow.received, flow.received_dropped, flow.spi) == (4, 115, 62, 3, 0x102)
    text = show("show crypto ipsec sa", view)
    assert "#pkts encaps: 115, #pkts encrypt: 115" in text
    assert "current outbound spi: 0x102(258)" in text
    assert text.count("Status: ACTIVE(ACTIVE)") == 4


def test_a_peer_that_moved_away_from_the_address_that_is_wanted_is_shown_where_it_is() -> None:
    moved = replace(crypto.HUB_PAIR, connection=replace(crypto.HUB_PAIR.connection, remote=IPv4Address("192.0.2.200")))
    assert "Peer: 192.0.2.200 port 500" in show("show crypto session", crypto.Rekeyed(pairs=(moved,)))


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
    assert match.command.action(crypto.CryptoView(), match.args) == event


# What `show crypto isakmp ...` prints of IKEv1, what `show crypto ikev2 ...` leaves out, and what is cleared.

ALL_COMMANDS = exec_parser(FEATURES)
OLD = replace(
    crypto.HUB_IKE,
    version=IkeVersion.V1,
    phase=IkePhase.QM_IDLE,
    integrity="None",
    ikev2_profile="",
    isakmp_profile="P",
    nat_inside=True,
)
BEGINNING = replace(crypto.NEW_IKE, version=IkeVersion.V1, phase=IkePhase.MM_SA_SETUP, number=0)
RESPONDING = replace(OLD, number=5, initiator=False, phase=IkePhase.MM_KEY_AUTH, connection=None)
LINES = file_text("crypto_show_lines.cfg")


@dataclass
class Old(crypto.CryptoView):
    """A spoke with these IKE SAs."""

    views: tuple[IkeView, ...] = (OLD, crypto.SPOKE_IKE)
    lines: str = LINES

    def __post_init__(self) -> None:
        self.running = configurator(FEATURES).parse_text(self.lines).tree

    @property
    def ports(self) -> Ports:
        ports = fake_ports()
        ports.ike = FakeIke(list(self.views))
        ports.protection = FakeProtection(known=[crypto.TO_HUB, crypto.TO_SPOKE])
        return ports


def show_isakmp(line: str, view: crypto.CryptoView | None = None) -> str:
    return "".join(f"{text}\n" for text in _match_all(line).lines(view or Old()))


def _match_all(line: str) -> Match:
    match = ALL_COMMANDS.match(line)
    assert isinstance(match, Match), match
    return match


def cleared(line: str, *views: IkeView) -> ClearCrypto:
    action = _match_all(line).command.action
    assert action is not None
    event = action(Old(views=views), _match_all(line).args)
    assert isinstance(event, ClearCrypto)
    return event


@pytest.mark.parametrize(
    "command",
    [
        "show crypto isakmp sa",
        "show crypto isakmp sa detail",
        "show crypto isakmp sa count",
        "show crypto isakmp peers",
        "show crypto isakmp policy",
        "show crypto session detail",
    ],
)
def test_an_output_is_as_parsers_of_automation_users_read_it(command: str) -> None:
    is_golden(
        show_isakmp(command, Old(views=(OLD, BEGINNING, RESPONDING, crypto.SPOKE_IKE))),
        f"{command.replace(' ', '_')}__isakmp",
    )


def test_isakmp_sas_are_listed_with_the_states_of_ios_and_sas_of_ikev2_are_not_among_them() -> None:
    is_golden(
        show_isakmp("show crypto isakmp sa", Old(views=(OLD, BEGINNING, RESPONDING, crypto.SPOKE_IKE))),
        "crypto_show/isakmp_sas_are_listed_with_the_states_of_ios_and_sas_of_ikev2_are_not_among_them",
    )


def test_isakmp_sas_are_chosen_by_what_they_are() -> None:
    deleted, plain = replace(OLD, phase=IkePhase.DELETED), replace(OLD, nat_inside=False, nat_outside=False)
    views = Old(views=(deleted, plain, replace(OLD, nat_inside=True)))
    rows = {
        word: show_isakmp(f"show crypto isakmp sa {word}", views).count("198.51.100.1")
        for word in ("", "active", "nat")
    }
    assert rows == {"": 3, "active": 2, "nat": show_isakmp("show crypto isakmp sa detail", views).count("N  ")}
    assert show_isakmp("show crypto isakmp default policy").startswith(
        "\nDefault IKE policy\nDefault protection suite of"
    )


def test_an_isakmp_sa_by_signatures_and_a_profile_with_its_trustpoint_say_so() -> None:
    signed = replace(OLD, local_auth="RSA", remote_auth="RSA")
    assert " rsig " in show_isakmp("show crypto isakmp sa detail", Old(views=(signed,)))
    lines = "crypto isakmp identity dn\ncrypto isakmp profile Q\n ca trust-point LAB\n match certificate MAP\n"
    text = show_isakmp("show crypto isakmp profile", Old(lines=lines))
    assert "   Certificate maps matched are:\n    MAP \n   Identity presented is: dn\n" in text
    assert text.endswith("   trustpoint(s): LAB\n")


def test_an_isakmp_sa_that_is_being_deleted_says_so() -> None:
    text = show_isakmp("show crypto isakmp sa", Old(views=(replace(OLD, phase=IkePhase.DELETED),)))
    assert "MM_NO_STATE       1001 ACTIVE (deleted)\n" in text


def test_the_details_of_an_isakmp_sa_are_its_algorithms_its_lifetime_and_its_abilities() -> None:
    lines = show_isakmp("show crypto isakmp sa detail").splitlines()
    at = lines.index("C-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime Cap.")
    assert lines[at + 2 : at + 4] == [
        "1001  198.51.100.1    203.0.113.1            ACTIVE aes  sha256 psk  14 23:59:19 DN  ",
        "       Engine-id:Conn-id =  SW:1",
    ]


def test_sas_of_ikev1_are_in_no_show_of_ikev2() -> None:
    for command in ("show crypto ikev2 sa", "show crypto ikev2 sa detailed", "show crypto ikev2 session"):
        assert "192.0.2.77" in show_isakmp(command)
        assert "203.0.113.1" not in show_isakmp(command)
    stats = show_isakmp("show crypto ikev2 stats")
    assert "Total outgoing IKEv2 SA Count:    0" in stats
    assert "Total incoming IKEv2 SA Count:    1" in stats


def test_peers_are_listed_once_with_the_identity_that_they_proved() -> None:
    views = (OLD, replace(OLD, number=2), replace(OLD, number=3, phase=IkePhase.DELETED))
    text = "Peer: 203.0.113.1 Port: 500 Local: 198.51.100.1\n Phase1 id: 203.0.113.1\n"
    assert show_isakmp("show crypto isakmp peers", Old(views=views)) == text
    assert show_isakmp("show crypto isakmp peers 203.0.113.9", Old(views=views)) == ""


def test_the_policies_are_shown_in_their_order_and_the_defaults_where_there_is_none() -> None:
    is_golden(
        show_isakmp("show crypto isakmp policy"),
        "crypto_show/the_policies_are_shown_in_their_order_and_the_defaults_where_there_is_none",
    )
    without = show_isakmp("show crypto isakmp policy", Old(lines=""))
    assert "Default IKE policy\nDefault protection suite of priority 65507\n" in without
    assert "(256 bit keys)" in without


def test_keys_are_listed_by_keyring_and_peer_and_never_shown() -> None:
    text = show_isakmp("show crypto isakmp key")
    assert "Unspoken" not in text + show_isakmp("show crypto isakmp key | json")
    is_golden(
        [" ".join(line.split()[:2]) for line in text.splitlines()[2:]],
        "crypto_show/keys_are_listed_by_keyring_and_peer_and_never_shown",
    )
    assert "default      192.0.2.0      [255.255.255.0  ]            <removed>\n" in text
    assert "default      0.0.0.0        [0.0.0.0        ]            <removed>\n" in text


def test_a_profile_is_shown_with_the_peers_that_it_is_for_and_its_keyring() -> None:
    text = (
        "IKEv1 PROFILE P\n"
        "Ref Count = 1\n"
        "   Identities matched are:\n"
        "    ip-address 203.0.113.0 255.255.255.0 \n"
        "    fqdn-domain example.net \n"
        "   Certificate maps matched are:\n"
        "   Identity presented is: fqdn\n"
        "   keyring(s): RING\n"
        "   trustpoint(s): <all>\n"
    )
    assert show_isakmp("show crypto isakmp profile") == show_isakmp("show crypto isakmp profile P") == text
    assert show_isakmp("show crypto isakmp profile OTHER") == ""


def test_one_isakmp_sa_is_cleared_by_its_number() -> None:
    event = cleared("clear crypto isakmp 1001", OLD, crypto.SPOKE_IKE)
    assert event == ClearCrypto(crypto.HUB, spared=(2,))
    with pytest.raises(UserError, match="there is no ISAKMP SA with the number 1009"):
        cleared("clear crypto isakmp 1009", OLD)


def test_clearing_sas_of_ikev2_spares_connections_of_ikev1() -> None:
    assert cleared("clear crypto ikev2 sa", OLD, crypto.SPOKE_IKE) == ClearCrypto(spared=(1,))


# What people read of certificates, to the octet.

#: Made once with `dmvpn pki`; the key is nobody's.
VECTORS = Path(__file__).parents[1] / "vectors" / "pki"


@cache
def router() -> Console:
    console = Console()
    assert console.type(*dialog(VECTORS, "R1"))[0] == 0
    return console


@pytest.mark.parametrize(
    "command",
    [
        "show crypto pki certificates",
        "show crypto pki certificates verbose LAB",
        "show crypto pki trustpoints",
        "show crypto pki trustpoints status",
        "show crypto pki crls",
    ],
)
def test_the_outputs_are_those_that_were_read(command: str) -> None:
    status, text = router().type(command)
    assert status == 0
    is_golden(text, f"{command.replace(' ', '_')}__certified")


@pytest.mark.lengthy
def test_a_template_of_automation_users_finds_both_certificates() -> None:
    rows = parse_output("cisco_ios", "show crypto pki certificates", router().type("show crypto pki certificates")[1])
    assert [(row["certificate_type"], row["subject_cn"], row["issuer_cn"]) for row in rows] == [
        ("Certificate", "R1", "Lab CA"),
        ("CA Certificate", "Lab CA", "Lab CA"),
    ]
    assert {row["associated_trustpoints"] for row in rows} == {"LAB"}


def test_json_has_the_same_and_no_key() -> None:
    told = json.loads(router().type("show crypto pki certificates | json")[1])
    assert [one["subject"][0] for one in told["certificates"]] == ["cn=R1", "cn=Lab CA"]
    key = "".join((VECTORS / "R1.key").read_text().splitlines()[1:-1])
    assert key[20:60] not in json.dumps(told)


def test_a_certificate_of_several_trustpoints_is_shown_once() -> None:
    console = Console()
    console.type(*dialog(VECTORS, "R1"))
    console.type(*dialog(VECTORS, "R1", "OTHER"))
    _, said = console.type("show crypto pki certificates")
    assert said.count("Certificate\n  Status") == 2
    assert said.count("Associated Trustpoints: LAB OTHER") == 2
    assert "OTHER" not in console.type("show crypto pki certificates LAB")[1]


def test_a_trustpoint_without_anything_says_so() -> None:
    console = Console("crypto pki trustpoint EMPTY\n enrollment terminal\n")
    assert console.type("show crypto pki trustpoints")[1] == "Trustpoint EMPTY:\n    Not authenticated.\n\n"
    assert console.type("show crypto pki certificates")[1] == ""
    assert "Issuing CA authenticated ....... No" in console.type("show crypto pki trustpoints status")[1]
