"""What `show crypto isakmp ...` prints of IKEv1, what `show crypto ikev2 ...` leaves out, and what is cleared."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.base.protection import IkePhase, IkeVersion, IkeView
from dmvpn.face.language import exec_parser
from dmvpn.features.ipsec.machine import ClearCrypto
from dmvpn.ios import Match
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.crypto import HUB, HUB_IKE, NEW_IKE, SPOKE_IKE, TO_HUB, TO_SPOKE, CryptoView
from support.fakes import FakeIke, FakeProtection, fake_ports

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports

GOLDENS = Path(__file__).parent / "goldens"
PARSER = exec_parser(FEATURES)
OLD = replace(
    HUB_IKE,
    version=IkeVersion.V1,
    phase=IkePhase.QM_IDLE,
    integrity="None",
    ikev2_profile="",
    isakmp_profile="P",
    nat_inside=True,
)
BEGINNING = replace(NEW_IKE, version=IkeVersion.V1, phase=IkePhase.MM_SA_SETUP, number=0)
RESPONDING = replace(OLD, number=5, initiator=False, phase=IkePhase.MM_KEY_AUTH, connection=None)
LINES = """\
crypto isakmp policy 20
 encryption aes 192
 hash sha384
 authentication pre-share
 group 5
 lifetime 3600
crypto isakmp key Unspoken!3 address 192.0.2.0 255.255.255.0
crypto isakmp key Unspoken!4 address 0.0.0.0
crypto isakmp key Unspoken!5 hostname spoke1.example
crypto keyring RING
 pre-shared-key address 203.0.113.1 key Unspoken!6
crypto isakmp profile P
 keyring RING
 self-identity fqdn
 match identity address 203.0.113.0 255.255.255.0
 match identity host domain example.net
"""


@dataclass
class Old(CryptoView):
    """A spoke with these IKE SAs."""

    views: tuple[IkeView, ...] = (OLD, SPOKE_IKE)
    lines: str = LINES

    def __post_init__(self) -> None:
        self.running = configurator(FEATURES).parse_text(self.lines).tree

    @property
    def ports(self) -> Ports:
        ports = fake_ports()
        ports.ike = FakeIke(list(self.views))
        ports.protection = FakeProtection(known=[TO_HUB, TO_SPOKE])
        return ports


def show(line: str, view: CryptoView | None = None) -> str:
    return "".join(f"{text}\n" for text in _match(line).lines(view or Old()))


def _match(line: str) -> Match:
    match = PARSER.match(line)
    assert isinstance(match, Match), match
    return match


def cleared(line: str, *views: IkeView) -> ClearCrypto:
    action = _match(line).command.action
    assert action is not None
    event = action(Old(views=views), _match(line).args)
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
    golden = GOLDENS / f"{command.replace(' ', '_')}__isakmp.txt"
    text = show(command, Old(views=(OLD, BEGINNING, RESPONDING, SPOKE_IKE)))
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_isakmp_sas_are_listed_with_the_states_of_ios_and_sas_of_ikev2_are_not_among_them() -> None:
    assert show("show crypto isakmp sa", Old(views=(OLD, BEGINNING, RESPONDING, SPOKE_IKE))) == (
        "IPv4 Crypto ISAKMP SA\n"
        "dst             src             state          conn-id status\n"
        "203.0.113.1     198.51.100.1    QM_IDLE           1001 ACTIVE\n"
        "203.0.113.10    198.51.100.1    MM_SA_SETUP          0 ACTIVE\n"
        "198.51.100.1    203.0.113.1     MM_KEY_AUTH       1005 ACTIVE\n"
        "\n"
        "IPv6 Crypto ISAKMP SA\n"
        "\n"
    )


def test_isakmp_sas_are_chosen_by_what_they_are() -> None:
    deleted, plain = replace(OLD, phase=IkePhase.DELETED), replace(OLD, nat_inside=False, nat_outside=False)
    views = Old(views=(deleted, plain, replace(OLD, nat_inside=True)))
    rows = {word: show(f"show crypto isakmp sa {word}", views).count("198.51.100.1") for word in ("", "active", "nat")}
    assert rows == {"": 3, "active": 2, "nat": show("show crypto isakmp sa detail", views).count("N  ")}
    assert show("show crypto isakmp default policy").startswith("\nDefault IKE policy\nDefault protection suite of")


def test_an_isakmp_sa_by_signatures_and_a_profile_with_its_trustpoint_say_so() -> None:
    signed = replace(OLD, local_auth="RSA", remote_auth="RSA")
    assert " rsig " in show("show crypto isakmp sa detail", Old(views=(signed,)))
    lines = "crypto isakmp identity dn\ncrypto isakmp profile Q\n ca trust-point LAB\n match certificate MAP\n"
    text = show("show crypto isakmp profile", Old(lines=lines))
    assert "   Certificate maps matched are:\n    MAP \n   Identity presented is: dn\n" in text
    assert text.endswith("   trustpoint(s): LAB\n")


def test_an_isakmp_sa_that_is_being_deleted_says_so() -> None:
    text = show("show crypto isakmp sa", Old(views=(replace(OLD, phase=IkePhase.DELETED),)))
    assert "MM_NO_STATE       1001 ACTIVE (deleted)\n" in text


def test_the_details_of_an_isakmp_sa_are_its_algorithms_its_lifetime_and_its_abilities() -> None:
    lines = show("show crypto isakmp sa detail").splitlines()
    at = lines.index("C-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime Cap.")
    assert lines[at + 2 : at + 4] == [
        "1001  198.51.100.1    203.0.113.1            ACTIVE aes  sha256 psk  14 23:59:19 DN  ",
        "       Engine-id:Conn-id =  SW:1",
    ]


def test_sas_of_ikev1_are_in_no_show_of_ikev2() -> None:
    for command in ("show crypto ikev2 sa", "show crypto ikev2 sa detailed", "show crypto ikev2 session"):
        assert "192.0.2.77" in show(command)
        assert "203.0.113.1" not in show(command)
    stats = show("show crypto ikev2 stats")
    assert "Total outgoing IKEv2 SA Count:    0" in stats
    assert "Total incoming IKEv2 SA Count:    1" in stats


def test_peers_are_listed_once_with_the_identity_that_they_proved() -> None:
    views = (OLD, replace(OLD, number=2), replace(OLD, number=3, phase=IkePhase.DELETED))
    text = "Peer: 203.0.113.1 Port: 500 Local: 198.51.100.1\n Phase1 id: 203.0.113.1\n"
    assert show("show crypto isakmp peers", Old(views=views)) == text
    assert show("show crypto isakmp peers 203.0.113.9", Old(views=views)) == ""


def test_the_policies_are_shown_in_their_order_and_the_defaults_where_there_is_none() -> None:
    assert show("show crypto isakmp policy") == (
        "\nGlobal IKE policy\nProtection suite of priority 20\n"
        "\tencryption algorithm:\tAES - Advanced Encryption Standard (192 bit keys).\n"
        "\thash algorithm:\t\tSecure Hash Standard 2 (384 bit)\n"
        "\tauthentication method:\tPre-Shared Key\n"
        "\tDiffie-Hellman group:\t#5 (1536 bit)\n"
        "\tlifetime:\t\t3600 seconds, no volume limit\n"
    )
    without = show("show crypto isakmp policy", Old(lines=""))
    assert "Default IKE policy\nDefault protection suite of priority 65507\n" in without
    assert "(256 bit keys)" in without


def test_keys_are_listed_by_keyring_and_peer_and_never_shown() -> None:
    text = show("show crypto isakmp key")
    assert "Unspoken" not in text + show("show crypto isakmp key | json")
    assert [line.split()[:2] for line in text.splitlines()[2:]] == [
        ["default", "192.0.2.0"],
        ["default", "0.0.0.0"],
        ["default", "spoke1.example"],
        ["RING", "203.0.113.1"],
    ]
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
    assert show("show crypto isakmp profile") == show("show crypto isakmp profile P") == text
    assert show("show crypto isakmp profile OTHER") == ""


def test_one_isakmp_sa_is_cleared_by_its_number() -> None:
    event = cleared("clear crypto isakmp 1001", OLD, SPOKE_IKE)
    assert event == ClearCrypto(HUB, spared=(2,))
    with pytest.raises(UserError, match="there is no ISAKMP SA with the number 1009"):
        cleared("clear crypto isakmp 1009", OLD)


def test_clearing_sas_of_ikev2_spares_connections_of_ikev1() -> None:
    assert cleared("clear crypto ikev2 sa", OLD, SPOKE_IKE) == ClearCrypto(spared=(1,))
