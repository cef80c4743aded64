"""What one station says of others, on a protected tunnel: whose word counts, and how often IKE begins because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.model import DEFAULT_HEARSAY
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest, ResolutionReply
from dmvpn.features.nhrp.packet import ResolutionRequest as Question
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import LARGEST_COUNTED, MINUTE, Hearsay
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE, refused, targets, tunnel_of
from support.overlay import TUNNEL, address, hairpin
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: A station that nobody has, and where it is said to be.
STRANGER, STRANGER_NBMA = address("192.168.100.66"), address("198.51.100.66")
#: The server before us, as it writes itself down.
RECORD = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=PEER_NBMA, protocol=PEER),))


def _ready(*, trusted: bool = False, behind: dict[str, str] | None = None) -> ProtectedOverlay:
    """trusted: the hub has R41 in its configuration."""
    overlay = protected(behind=behind)
    if trusted:
        hub = overlay.members["R11"]
        hub.config = type(hub.config)(name=TUNNEL, network_id=100, maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    overlay.start()
    overlay.run(5)
    overlay.packets.clear()
    return overlay


def _say(overlay: ProtectedOverlay, packet: RegistrationRequest, by: str = "R41") -> int:
    """A member sends the hub a registration; the first code of the answer."""
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == f"{by}.example")
    overlay.handle("R11", NhrpReceived(TUNNEL, overlay.members[by].outside, packet.serialize(), number))
    return overlay.sent(RegistrationReply, "R11")[-1].cies[0].code


def _registration(
    source: IPAddress, nbma: IPAddress, cie_nbma: IPAddress | None = None, record: ForwardTransitRecord | None = None
) -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=source,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=(ClientInfo(prefix_length=32, holding_time=600, nbma=cie_nbma),),
        extensions=(record,) if record is not None else (),
    )


def _question(stranger: int, nbma: IPAddress, protocol: IPAddress, destination: str) -> Question:
    """A request in the name of a station that nobody has. nbma, protocol: of the member that passes it on."""
    return Question(
        source_nbma=STRANGER_NBMA + stranger,
        source_protocol=STRANGER + stranger,
        destination_protocol=address(destination),
        flags=Question.FLAGS(0xC802),
        request_id=stranger,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
        extensions=(ForwardTransitRecord(entries=(ClientInfo(nbma=nbma, protocol=protocol),)),),
    )


def test_nobody_registers_another_ones_nbma_address_and_ike_does_not_go_there() -> None:
    overlay = _ready()
    packet = _registration(STRANGER, PEER_NBMA, cie_nbma=STRANGER_NBMA)
    assert _say(overlay, packet) == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert STRANGER_NBMA not in overlay.wanted["R11"]
    assert refused(overlay, "R11")[Refusal.OTHER_NBMA] == 1


def test_a_forward_record_of_somebody_who_is_no_server_says_nothing() -> None:
    overlay = _ready()
    assert _say(overlay, _registration(STRANGER, STRANGER_NBMA, record=RECORD)) == CieCode.SUCCESS
    entry = targets(overlay, "R11")["192.168.100.66/32"]
    assert (entry.nbma, entry.claimed) == (PEER_NBMA, STRANGER_NBMA)  # as if it were behind NAT
    assert STRANGER_NBMA not in overlay.wanted["R11"]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_server_that_the_configuration_names_may_pass_on_where_its_clients_are(recorded: bool) -> None:
    overlay = _ready(trusted=True)
    named = None if recorded else STRANGER_NBMA
    header = STRANGER_NBMA if recorded else PEER_NBMA
    assert _say(overlay, _registration(STRANGER, header, named, RECORD if recorded else None)) == CieCode.SUCCESS
    assert targets(overlay, "R11")["192.168.100.66/32"].nbma == STRANGER_NBMA
    assert STRANGER_NBMA in overlay.wanted["R11"]


def test_who_names_its_translated_address_itself_says_nothing_of_others() -> None:
    overlay = _ready(behind={"R31": "203.0.113.3"})
    own, outside = overlay.members["R31"].nbma, address("203.0.113.3")
    assert _say(overlay, _registration(SPOKE, own, cie_nbma=outside), by="R31") == CieCode.SUCCESS
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    assert (entry.nbma, entry.claimed) == (outside, own)


def test_a_server_leads_ike_to_so_many_new_addresses_in_a_minute_and_the_rest_is_told_to_wait() -> None:
    """Its clients can write what they like into what it passes on."""
    overlay = _ready(trusted=True)
    codes = [
        _say(overlay, _registration(STRANGER + number, STRANGER_NBMA + number, record=RECORD)) for number in range(15)
    ]
    unasked = DEFAULT_HEARSAY // 2
    assert codes == [CieCode.SUCCESS] * unasked + [CieCode.INSUFFICIENT_RESOURCES] * (15 - unasked)
    assert refused(overlay, "R11")[Refusal.HELD_BACK] == 15 - unasked
    assert _say(overlay, _registration(STRANGER, STRANGER_NBMA, record=RECORD)) == CieCode.SUCCESS  # it is known
    overlay.run(MINUTE + 1)
    assert _say(overlay, _registration(STRANGER + 14, STRANGER_NBMA + 14, record=RECORD)) == CieCode.SUCCESS


def test_whose_key_proves_no_name_leads_ike_no_further_by_inventing_names() -> None:
    """A key that is good for everybody: each name that its holder made up had a limit of its own."""
    overlay = _ready()
    before = len(overlay.wanted["R11"])
    for stranger in range(3 * DEFAULT_HEARSAY):
        name = f"invented{stranger % 5}.example"
        known = next((c.number for c in overlay.ipsec["R11"].known if c.identity == name), None)
        if known is None:
            _, known = overlay.connect("R41", "R11", identity=name, entry="keyring RING peer ALL", named=False)
        packet = _question(stranger, PEER_NBMA, PEER, "10.1.1.1")
        overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, packet.serialize(), known))
    assert len(overlay.wanted["R11"]) == before + DEFAULT_HEARSAY // 2


def test_answers_to_our_own_questions_are_believed_when_requests_have_used_up_their_half() -> None:
    overlay = _ready()
    number = tunnel_of(overlay).clients[HUB].connection
    for stranger in range(50):
        packet = _question(stranger, HUB_NBMA, HUB, "10.3.3.1")
        overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, packet.serialize(), number))
    assert len(overlay.wanted["R31"]) == 1 + DEFAULT_HEARSAY // 2
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(3)
    assert overlay.sent(ResolutionReply)
    assert PEER_NBMA in overlay.wanted["R31"]


def test_stations_whose_words_are_counted_are_bounded() -> None:
    overlay = _ready()
    hearsay, tunnel = Hearsay(), tunnel_of(overlay)
    for number in range(1, LARGEST_COUNTED + 50):
        hearsay.believes(tunnel, PEER_NBMA + number, STRANGER_NBMA, now=0.0, asked=False, known=False)
    assert hearsay.counted(TUNNEL) == LARGEST_COUNTED


def test_what_was_counted_for_a_tunnel_that_is_gone_is_forgotten() -> None:
    overlay = _ready()
    hearsay, tunnel = Hearsay(), tunnel_of(overlay)
    hearsay.believes(tunnel, PEER_NBMA, STRANGER_NBMA, now=0.0, asked=False, known=False)
    hearsay.keep([tunnel.name])
    assert hearsay.counted(TUNNEL) == 1
    hearsay.keep([])
    assert hearsay.counted(TUNNEL) == 0
