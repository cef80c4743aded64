"""A lab whose files name certificates and have no private keys, which no router ever shows."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dmvpn.shells.convergence import unfinished
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.enrollment import enroll
from support.pki import authority, issue
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROUTER = file_text("enrolled_router.cfg")
_IKEV2 = """crypto ikev2 profile I
 match identity remote address 0.0.0.0
 authentication remote rsa-sig
 authentication local rsa-sig
 pki trustpoint VPN
crypto ipsec profile P
 set transform-set T
 set ikev2-profile I
"""
_IKEV1 = """crypto isakmp policy 1
 encr aes
 group 14
crypto ipsec profile P
 set transform-set T
"""
_SERVER = "crypto pki server CA\n issuer-name CN=Course CA\ncrypto pki trustpoint CA\n rsakeypair CA\n"
_NHS = " ip nhrp nhs 172.16.0.1\n ip nhrp map 172.16.0.1 203.0.113.1\n"


@pytest.fixture(scope="module", autouse=True)
def _few_keys() -> Iterator[None]:
    """Draw keys for one authority and its routers: all labs here have the same, because each takes half a second."""
    keys = cycle([rsa.generate_private_key(65537, 2048) for _ in range(4)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", lambda *_: next(keys))
        yield


def write(folder: Path, ike: str) -> Scenario:
    for number in (1, 2, 3):
        texts = {"server": _SERVER if number == 1 else "", "nhrp": "" if number == 1 else _NHS}
        (folder / f"R{number}.txt").write_text(_ROUTER.format(number, ike=ike, **texts))
    return Scenario.load(str(folder))


def missing(scenario: Scenario) -> list[str]:
    world = Simulator.of(scenario, epoch=datetime.now(UTC).timestamp())
    world.run_until(30.0)
    return scenario.still_missing(unfinished(world.facts(scenario)))


@pytest.mark.parametrize("ike", [_IKEV2, _IKEV1], ids=["ikev2", "ikev1"])
def test_a_lab_whose_files_have_no_private_keys_gets_certificates_and_comes_up(ike: str, tmp_path: Path) -> None:
    """`trustpoint VPN has no certificate of ours with its private key`, of every lab of a course about certificates."""
    scenario = write(tmp_path, ike)
    assert missing(scenario), "nothing would be proved by a network that comes up anyway"
    note = enroll(scenario)
    assert note.startswith("R1, R2, R3: the private keys of certificates are not in the files")
    assert "(CN=Course CA)" in note
    assert missing(scenario) == []


@pytest.mark.parametrize(
    ("said", "identity"),
    [
        ("", "address 203.0.113.2"),
        ("crypto isakmp identity dn\n", "dn"),
        ("crypto isakmp identity hostname\n", "fqdn R2"),
    ],
)
def test_who_signs_by_ikev1_is_known_by_its_address_unless_it_says_otherwise(
    said: str, identity: str, tmp_path: Path
) -> None:
    """It said the subject of its certificate, which is the default of IKEv2's profiles alone."""
    scenario = write(tmp_path, said + _IKEV1)
    enroll(scenario)
    assert f"\n identity local {identity}\n" in scenario.configurations["R2"]
    assert missing(scenario) == []


def test_a_lab_that_has_an_authority_is_left_alone(tmp_path: Path) -> None:
    made = authority(tmp_path / "pki" / "VPN")
    issue(made, "R1")
    scenario = write(tmp_path, _IKEV2)
    before = dict(scenario.configurations)
    assert enroll(scenario) == ""
    assert scenario.configurations == before


def test_a_lab_with_keys_needs_no_certificates(tmp_path: Path) -> None:
    assert enroll(write(tmp_path, _IKEV1 + "crypto isakmp key K address 0.0.0.0\n")) == ""


_POINT_TO_POINT = file_text("enrolled_point_to_point.cfg")


def test_a_key_for_one_peer_goes_on_beside_certificates_for_the_others(tmp_path: Path) -> None:
    """The hub had no certificate, because it had a key: of its cloud nobody came up."""
    write(tmp_path, _IKEV1)
    hub = tmp_path / "R1.txt"
    hub.write_text(hub.read_text().removesuffix("end\n") + _POINT_TO_POINT.format(9, 1) + "end\n")
    transform = "crypto ipsec transform-set T esp-aes esp-sha256-hmac\n mode transport\n"
    port = "interface GigabitEthernet0/0\n ip address 203.0.113.9 255.255.255.0\n"
    (tmp_path / "R9.txt").write_text(f"hostname R9\n{transform}{port}{_POINT_TO_POINT.format(1, 9)}end\n")
    scenario = Scenario.load(str(tmp_path))
    assert enroll(scenario).startswith("R1, R2, R3: the private keys of certificates are not in the files")
    assert missing(scenario) == []
