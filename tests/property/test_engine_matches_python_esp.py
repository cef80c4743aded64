"""ESP in the core of the Rust engine against its oracle: same SAs, same packets in, same octets and facts out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import DfBit
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound, PeerPlace
from dmvpn.dataplane.python import core as oracle
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support import traffic
from support.both_cores import COUNTED, PAIRS, Both, Tunnel

HUB = Tunnel(
    source=traffic.OURS[0],
    destination=None,
    key=100,
    mtu=1400,
    mss=1360,
    address=traffic.TUNNEL_ADDRESS.packed,
    network=1,
    report=True,
    multicast=list(traffic.THEIRS[:2]),
    peers=[(1, traffic.THEIRS[0]), (2, traffic.THEIRS[1])],
    protected=True,
    bound=((traffic.THEIRS[0], 1), (traffic.THEIRS[1], 3)),
    df=DfBit.COPY,
)
#: Beside it a tunnel in clear with another key, and a protected one with one neighbor.
CLEAR = Tunnel(traffic.OURS[0], None, None, 1400, None, None, 1, True, [traffic.THEIRS[2]], [(1, traffic.THEIRS[2])])
POINT = Tunnel(
    traffic.OURS[1],
    traffic.THEIRS[3],
    100,
    1400,
    None,
    None,
    None,
    False,
    [],
    [],
    protected=True,
    df=DfBit.SET,
    checksum=True,
    sequence=True,
)
SPIS = (0x1001, 0x1002, 0x1003)
PORTS = (0, 4500, 61000)

# Most is about one peer, or hardly anything would ever fit together.
connections = st.sampled_from([1, 1, 1, 2, 3])
spis = st.sampled_from([SPIS[0]] * 4 + list(SPIS))
places = st.builds(PeerPlace, st.sampled_from([traffic.THEIRS[0]] * 4 + list(traffic.THEIRS)), st.sampled_from(PORTS))
transforms = st.one_of(
    st.sampled_from([128, 192, 256]).map(lambda bits: EspTransform(EspCipher.AES_GCM, bits)),
    st.builds(EspTransform, st.just(EspCipher.AES_CBC), st.sampled_from([128, 192, 256]), st.sampled_from(EspHash)),
)


@st.composite
def sas(draw: st.DrawFn, *, first: bool = False) -> EspSa:
    """first: of the peer that most is about."""
    transform, spi, place = draw(transforms), SPIS[0] if first else draw(spis), draw(places)
    suite = EspSuite.of(transform)
    key_in, key_out = (bytes((number,)) * suite.keymat for number in (spi & 0xFF, 0x80))
    hash_key_in, hash_key_out = (b"" if suite.is_aead else bytes((number,)) * 20 for number in (3, 4))
    tunnel_mode = draw(st.booleans())
    return EspSa(
        connection=1 if first else draw(connections),
        spi_in=spi,
        spi_out=spi + 0x1000,
        transform=transform,
        key_in=key_in,
        key_out=key_out,
        hash_key_in=hash_key_in,
        hash_key_out=hash_key_out,
        local=IPv4Address(traffic.OURS[0] if first else draw(traffic.our_addresses)),
        remote=IPv4Address(place.address),
        remote_port=place.port,
        esn=draw(st.booleans()),
        window=draw(st.sampled_from([1024, 1024, 1024, 0, 2000])),
        tunnel_mode=tunnel_mode,
        soft_octets=draw(st.sampled_from([0, 0, 100])),
        hard_octets=draw(st.sampled_from([0, 0, 0, 300, 3000])),
        inner_local=IPv4Address("172.31.0.1") if draw(st.booleans()) else None,
    )


_gre = st.builds(
    lambda key, protocol, payload: GreHeader(protocol_type=protocol, key=key).serialize(payload),
    traffic.keys,
    st.sampled_from([0x0800] * 4 + [0x2001, 0, 0x86DD]),
    traffic.packets,
)
_sealed = st.tuples(
    st.just("sealed"),
    spis,
    _gre,
    st.sampled_from([1, 1, 1, 1, 1, 1, 0, 0, 3, 1023, 1024, 5000, 1 << 31]),  # how much the sequence number goes up
    st.sampled_from([False] * 6 + [True]),  # damaged
    st.sampled_from([0, 0, 0, 1, 2, 3, 0xC0]),
    st.one_of(st.none(), st.none(), places),
    st.sampled_from([None] * 12 + [4, 47, 59, 6]),  # next header, None: what was agreed
)
_picked = st.tuples(st.sampled_from([0] * 9 + [1]), st.integers(0, 5), st.sampled_from([2] * 6 + [1, 3, 0]))
_pieces = st.tuples(
    st.just("pieces"),
    spis,
    _gre,
    st.sampled_from([(28, 36), (44, 60), (60, 28), (576, 600)]),
    st.one_of(st.permutations([(0, number, 2) for number in range(5)]).map(list), st.lists(_picked, max_size=8)),
    st.sampled_from([0, 0, 2, 3]),
)
_numbers = st.sampled_from([1, 1, 1, 1, 2, 3])
_frames = st.tuples(st.just("outbound"), _numbers, traffic.frames(), st.sampled_from([0.0, 0.4, 5.0, 500.0]))
_datagrams = st.one_of(
    st.binary(max_size=40), st.binary(max_size=40).map(lambda octets: bytes(4) + octets), st.just(b"\xff")
)
_theirs = st.sampled_from(traffic.THEIRS)
#: How often, and what. (`one_of` takes no notice of a strategy that it is given twice.)
_KINDS: tuple[tuple[int, st.SearchStrategy[tuple[object, ...]]], ...] = (
    (10, _sealed),
    (4, _pieces),
    (7, _frames),
    (2, st.tuples(st.just("install"), sas(), st.booleans())),
    (1, st.tuples(st.just("use"), spis)),
    (1, st.tuples(st.just("remove"), spis)),
    (1, st.tuples(st.just("move"), connections, places)),
    (1, st.tuples(st.just("inbound"), traffic.gre_packets)),
    (1, st.tuples(st.just("udp"), traffic.our_addresses, places, _datagrams)),
    (1, st.tuples(st.just("set_peer"), _numbers, st.integers(1, 3), _theirs, st.integers(0, 3))),
    (1, st.tuples(st.just("clear_peer"), _numbers, st.integers(1, 3))),
    (2, st.tuples(st.just("learn"), _theirs, traffic.path_mtus)),
    (2, st.tuples(st.just("send"), _numbers, _theirs, st.binary(max_size=30), st.integers(0, 3))),
)
steps = st.sampled_from([kind for often, kind in _KINDS for _ in range(often)]).flatmap(lambda kind: kind)


@dataclass
class Peers:
    """Those who send us ESP, each by the SA that it thinks we have."""

    known: dict[int, tuple[EspSa, Outbound]] = field(default_factory=dict)

    def learn(self, sa: EspSa) -> None:
        spi = sa.spi_in.to_bytes(4, "big")
        suite = EspSuite.of(sa.transform)
        self.known[sa.spi_in] = sa, Outbound(suite, spi, sa.key_in, sa.hash_key_in, esn=sa.esn)

    def seal(self, spi: int, gre: bytes, ahead: int, next_header: int | None) -> bytes:
        if spi not in self.known:
            return spi.to_bytes(4, "big") + bytes(60)
        sa, _ = self.known[spi]
        if sa.tunnel_mode:
            return self.seal_payload(
                spi, _inside(sa, gre).serialize(), ahead, 4 if next_header is None else next_header
            )
        return self.seal_payload(spi, gre, ahead, int(IpProtocol.GRE) if next_header is None else next_header)

    def seal_pieces(
        self, spi: int, gre: bytes, sizes: tuple[int, int], picked: list[tuple[int, int, int]]
    ) -> list[bytes]:
        """Of a packet that was cut, and cut otherwise, these pieces, each with another TOS."""
        if spi not in self.known or not self.known[spi][0].tunnel_mode:
            return []
        whole = _inside(self.known[spi][0], gre)
        cuts = [whole.fragments(size) for size in sizes]
        pieces = [replace(cuts[cut][number % len(cuts[cut])], tos=tos) for cut, number, tos in picked]
        return [self.seal_payload(spi, piece.serialize(), 1, 4) for piece in pieces]

    def seal_payload(self, spi: int, payload: bytes, ahead: int, next_header: int) -> bytes:
        sa, outbound = self.known[spi]
        last = (1 << 40 if sa.esn else 1 << 32) - 2
        outbound.packets = max(0, min(outbound.packets + ahead - 1, last))
        return outbound.seal(payload, next_header)


def _inside(sa: EspSa, gre: bytes) -> Ipv4Packet:
    """What is sealed in tunnel mode."""
    ours, theirs = sa.inner_local or sa.local, sa.inner_remote or sa.remote
    assert isinstance(ours, IPv4Address)
    assert isinstance(theirs, IPv4Address)
    return Ipv4Packet(source=theirs, destination=ours, protocol=IpProtocol.GRE, payload=gre, tos=0x02)


def _receive(both: Both, peers: Peers, step: tuple[object, ...], now: float) -> None:
    match step:
        case ("sealed", int(spi), bytes(gre), int(ahead), bool(damaged), int(tos), place, next_header):
            assert next_header is None or isinstance(next_header, int)
            packet = peers.seal(spi, gre, ahead, next_header)
            if damaged:
                packet = packet[:-1] + bytes((packet[-1] ^ 1,))
            _come(both, peers.known.get(spi), packet, place, tos, now)
        case ("pieces", int(spi), bytes(gre), sizes, picked, int(tos)):
            assert isinstance(sizes, tuple)
            assert isinstance(picked, list)
            for packet in peers.seal_pieces(spi, gre, sizes, picked):
                _come(both, peers.known.get(spi), packet, None, tos, now)


def _come(both: Both, known: tuple[EspSa, Outbound] | None, packet: bytes, place: object, tos: int, now: float) -> None:
    """From where the peer of the SA is, or from another place."""
    sa = known[0] if known is not None else None
    local = sa.local.packed if sa is not None else traffic.OURS[0]
    own = PeerPlace(sa.remote.packed, sa.remote_port) if sa is not None else PeerPlace(traffic.THEIRS[0], 4500)
    source = place if isinstance(place, PeerPlace) else own
    if source.port:
        both.inbound_udp(local, source, tos, packet, now)
    else:
        outer = bytearray(traffic.outer(source.address, local, packet))
        outer[1], outer[9] = tos, IpProtocol.ESP
        both.inbound_esp(bytes(outer), now)


@patch.multiple(oracle, HAIRPIN_PAIRS=PAIRS, COUNTED_PEERS=COUNTED)
def take_the_same_steps(taken: list[tuple[object, ...]]) -> None:
    both, peers, now = Both([HUB, CLEAR, POINT]), Peers(), 0.0
    for step in taken:
        match step:
            case ("install", EspSa() as sa, bool(eager)):
                if not both.has(sa.spi_in):
                    peers.learn(sa)
                both.install(sa, eager=eager)
            case ("use", int(spi)):
                both.use(spi)
            case ("remove", int(spi)):
                both.remove(spi)
            case ("move", int(connection), PeerPlace() as place):
                both.move(connection, place)
            case ("sealed", *_) | ("pieces", *_):
                _receive(both, peers, step, now)
            case ("udp", bytes(local), PeerPlace() as source, bytes(datagram)):
                both.inbound_udp(local, source, 0, datagram, now)
            case ("outbound", int(number), bytes(frame), float(later)):
                now += later
                both.outbound(number, frame, now)
            case ("inbound", bytes(packet)):
                both.inbound(packet, now)
            case ("learn", bytes(nbma), int(mtu)):
                both.learn_path(nbma, mtu, now)
            case ("set_peer", int(number), int(peer), bytes(nbma), int(connection)):
                both.set_peer(number, peer, nbma, connection)
            case ("clear_peer", int(number), int(peer)):
                both.clear_peer(number, peer)
            case ("send", int(number), bytes(nbma), bytes(payload), int(connection)):
                both.send(number, nbma, payload, connection, now)
        both.agree()


@given(
    sas(first=True),
    st.lists(st.tuples(st.just("learn"), st.just(traffic.THEIRS[0]), traffic.path_mtus), min_size=1, max_size=2),
    st.lists(st.tuples(st.just("outbound"), st.just(1), traffic.large_frames, st.just(0.4)), min_size=2, max_size=6),
)
def test_both_cores_cut_and_refuse_the_same_where_paths_are_narrow(
    sa: EspSa, learned: list[tuple[object, ...]], taken: list[tuple[object, ...]]
) -> None:
    at_home = replace(sa, remote=IPv4Address(traffic.THEIRS[0]), hard_octets=0)
    take_the_same_steps([("install", at_home, True), *learned, *taken])


@given(
    sas(first=True),
    st.lists(
        st.one_of(
            st.tuples(st.just("outbound"), st.just(1), traffic.large_frames, st.sampled_from([0.0, 4.0, 6.0, 30.0])),
            st.just(("send", 1, traffic.THEIRS[0], b"a request", 1)),
            _sealed,
        ),
        min_size=4,
        max_size=20,
    ),
)
def test_both_cores_report_the_same_silences(sa: EspSa, taken: list[tuple[object, ...]]) -> None:
    endless = replace(sa, hard_octets=0)
    take_the_same_steps([("install", endless, True), *taken])


@given(
    sas(first=True),
    st.lists(st.one_of(_pieces, st.tuples(st.just("outbound"), st.just(3), st.just(b""), st.just(7.0))), min_size=3),
)
def test_both_cores_put_the_same_together_of_what_comes_in_pieces(sa: EspSa, taken: list[tuple[object, ...]]) -> None:
    in_tunnel_mode = replace(sa, tunnel_mode=True, hard_octets=0, window=0)
    take_the_same_steps([("install", in_tunnel_mode, True), *taken])


@given(
    st.tuples(st.tuples(sas(first=True), st.booleans()), st.tuples(sas(), st.booleans())),
    st.lists(steps, min_size=8, max_size=20),
)
def test_both_cores_make_the_same_of_everything(
    installed: tuple[tuple[EspSa, bool], ...], taken: list[tuple[object, ...]]
) -> None:
    take_the_same_steps([*(("install", *each) for each in installed), *taken])
