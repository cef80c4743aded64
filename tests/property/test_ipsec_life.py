"""Whatever tunnels, NHRP, IKE and the host do, in whatever order: what others were told is true, and nothing is left.

A plane is played that carries out the orders. After every step it has exactly the SAs that IPsec believes in, sends on
none that was closed, and each watcher's last word about a pair is what `between` answers.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from unittest.mock import Mock, patch

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dmvpn.base import negotiation
from dmvpn.base.addresses import EVERY_BIT, OuterAddress, Prefix
from dmvpn.base.effects import InstallSa, RemoveSa, UseSa
from dmvpn.base.events import EffectFailed, LinkChanged, Resync, SasCounted
from dmvpn.base.notices import TunnelState
from dmvpn.base.pages import Pages
from dmvpn.base.protection import Protected, ProtectionPhase, policies_for
from dmvpn.features.ike.identity import Identification, Roster, is_host, matches, names, of_address
from dmvpn.features.ike.model import (
    AuthenticationMethod,
    Identity,
    IdentityKind,
    IkeConfig,
    Keyring,
    KeyringPeer,
    PreSharedKey,
    Profile,
)
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.peer_settings import Expectation
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.ipsec import FEATURE as IPSEC
from dmvpn.features.ipsec.associations import Associations
from dmvpn.features.ipsec.machine import ClearCrypto, IpsecMachine
from dmvpn.features.ipsec.model import IpsecConfig, IpsecProfile
from dmvpn.features.ipsec.policies import decide, policies_of
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.tunnel import FEATURE as TUNNEL
from support.protection import came, connection, counted, negotiated
from support.texts import because
from support.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.protection import Connection

GI = "GigabitEthernet0/1"
HERE = IPv4Address("192.0.2.1")
PEERS = [IPv4Address(f"198.51.100.{last}") for last in (1, 2)]
PORTS = [0, 4500, 40_000]
TUNNELS = ["Tunnel0", "Tunnel1"]
TEXT = (
    "".join(f"crypto ipsec profile {name}\n" for name in "PQ")
    + f"interface {GI}\n ip address 192.0.2.1 255.255.255.0\n"
)
TUNNEL_TEXT = """interface Tunnel{0}
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key {0}
 tunnel protection ipsec profile P
"""
SECURED = ProtectionPhase.SECURED


class LifeOfIpsec(RuleBasedStateMachine):
    """The test plays IKE (`ike`: its pairs by connection), the plane (`plane`) and those who watch (`told`)."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Workbench(INTERFACE, TUNNEL, IPSEC, RIB)
        self.ipsec = self.bench.machine(IpsecMachine)
        self.peers: dict[int, Connection] = {}
        self.ike: dict[int, list[int]] = {}
        self.closed: list[int] = []
        self.plane: dict[int, int] = {}  # SPI -> connection
        self.current: dict[int, int] = {}  # connection -> SPI
        self.told: dict[tuple[str, IPv4Address, int], Protected] = {}
        self.asked: dict[tuple[str, IPv4Address, int], None] = {}
        self.wishes: dict[tuple[str, IPv4Address, int], None] = {}
        self.spi = 0x1000

    @initialize()
    def start(self) -> None:
        self.do(self.bench.configure(TEXT + TUNNEL_TEXT.format(0) + TUNNEL_TEXT.format(1)))
        self.do(self.bench.handle(LinkChanged(GI, up=True)))

    def do(self, effects: list[Effect]) -> None:
        """Carry orders out, and hear what is said."""
        for effect in effects:
            match effect:
                case InstallSa(sa=sa, eager=eager):
                    self.plane[sa.spi_in] = sa.connection
                    if eager or sa.connection not in self.current:
                        self.current[sa.connection] = sa.spi_in
                case UseSa(spi_in=spi):
                    assert spi in self.plane
                    self.current[self.plane[spi]] = spi
                case RemoveSa(spi_in=spi):
                    self.remove(spi)
                case _:
                    pass
        notices, self.bench.notices = self.bench.notices, []
        unwanted: list[int] = []
        for notice in notices:
            match notice:
                case negotiation.ProtectionChanged(tunnel=tunnel, nbma=nbma, state=state, remote_port=port):
                    self.told[tunnel, IPv4Address(nbma), port] = state
                case negotiation.NegotiationWanted(policy=policy, remote=remote, wanted=True, remote_port=port):
                    assert (policy, remote, port) not in self.asked
                    self.asked[policy, IPv4Address(remote), port] = None
                case negotiation.NegotiationWanted(policy=policy, remote=remote, remote_port=port):
                    del self.asked[policy, IPv4Address(remote), port]
                case negotiation.ConnectionUnwanted(connection=number):
                    unwanted.append(number)
                case _:
                    pass
        for number in unwanted:
            if number in self.peers:
                self.lose(number)

    def remove(self, spi: int) -> None:
        number = self.plane.pop(spi, None)
        if number is not None and self.current.get(number) == spi:
            del self.current[number]
            others = [other for other, of in self.plane.items() if of == number and other not in self.closed]
            if others:
                self.current[number] = others[-1]

    # ------------------------------------------------------------------------------------------------ what happens

    @rule(
        tunnel=st.sampled_from(TUNNELS), nbma=st.sampled_from(PEERS), port=st.sampled_from(PORTS), wanted=st.booleans()
    )
    def somebody_wants(self, tunnel: str, nbma: IPv4Address, port: int, wanted: bool) -> None:
        self.wishes.pop((tunnel, nbma, port), None)
        if wanted:
            self.wishes[tunnel, nbma, port] = None
        peers = tuple((remote, at) for name, remote, at in self.wishes if name == tunnel)
        self.do(self.bench.handle(negotiation.ProtectionWanted(tunnel, "nhrp4", peers)))

    @rule(remote=st.sampled_from(PEERS), port=st.sampled_from(PORTS), eager=st.booleans())
    def a_peer_connects(self, remote: IPv4Address, port: int, eager: bool) -> None:
        number = len(self.peers) + len(self.closed) + self.spi
        peer = self.peers[number] = connection(number, HERE, remote, remote_port=port, since=self.bench.now)
        self.ike[number] = []
        self.do(self.bench.handle(came(peer)))
        self.ike_makes(number, eager)

    def ike_makes(self, number: int, eager: bool) -> None:
        self.spi += 2
        self.ike[number].append(self.spi)
        self.do(self.bench.handle(negotiated(self.peers[number], self.spi, eager=eager, since=self.bench.now)))

    @rule(data=st.data(), eager=st.booleans(), lingers=st.booleans())
    def a_rekey(self, data: st.DataObject, eager: bool, lingers: bool) -> None:
        if not self.peers:
            return
        number = data.draw(st.sampled_from(sorted(self.peers)))
        old = self.ike[number][-1]
        self.ike_makes(number, eager)
        if number in self.peers:
            self.close(number, old, lingers)

    def close(self, number: int, spi: int, lingers: bool) -> None:
        self.ike[number].remove(spi)
        self.closed.append(spi)
        self.do(self.bench.handle(negotiation.SaClosed(spi, "closed", lingers)))

    @rule()
    def late_packets_have_come(self) -> None:
        for spi in self.closed:
            self.do(self.bench.handle(negotiation.SaClosed(spi, "closed", lingers=False)))
        assert not set(self.closed) & set(self.plane)

    def lose(self, number: int, *, lingers: bool = True) -> None:
        peer = self.peers.pop(number)
        for spi in tuple(self.ike[number]):
            self.close(number, spi, lingers)
        del self.ike[number]
        self.do(self.bench.handle(negotiation.ConnectionChanged(peer, None, "gone")))

    @rule(data=st.data(), lingers=st.booleans())
    def a_peer_goes(self, data: st.DataObject, lingers: bool) -> None:
        if self.peers:
            self.lose(data.draw(st.sampled_from(sorted(self.peers))), lingers=lingers)

    @rule(data=st.data(), remote=st.sampled_from(PEERS), port=st.sampled_from(PORTS))
    def a_peer_moves(self, data: st.DataObject, remote: IPv4Address, port: int) -> None:
        if self.peers:
            number = data.draw(st.sampled_from(sorted(self.peers)))
            old = self.peers[number]
            self.peers[number] = replace(old, remote=remote, remote_port=port)
            self.do(self.bench.handle(negotiation.ConnectionChanged(old, self.peers[number])))

    @rule(
        remote=st.sampled_from(PEERS),
        port=st.sampled_from(PORTS),
        phase=st.sampled_from([ProtectionPhase(0), ProtectionPhase(1)]),
    )
    def ike_says_how_far_it_is(self, remote: IPv4Address, port: int, phase: ProtectionPhase) -> None:
        reason = because("refused") if phase == ProtectionPhase.INTF else None
        self.do(self.bench.handle(negotiation.NegotiationChanged(HERE, remote, phase, reason, port)))

    @rule(data=st.data())
    def the_host_refuses_an_sa(self, data: st.DataObject) -> None:
        if self.peers:
            number = data.draw(st.sampled_from(sorted(self.peers)))
            notice = negotiated(self.peers[number], self.ike[number][-1])
            self.remove(notice.sa.spi_in)
            self.do(self.bench.handle(EffectFailed(InstallSa(notice.sa, True), 12, "no memory")))

    @rule(seconds=st.sampled_from([1, 10, 200]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.bench.advance(seconds))
        self.do(self.bench.handle(SasCounted(tuple(counted(spi) for spi in self.plane))))

    @rule()
    def the_plane_begins_again(self) -> None:
        self.plane.clear()
        self.current.clear()
        self.bench.advance(10)
        self.do(self.bench.handle(Resync()))
        self.do(self.bench.handle(SasCounted(())))

    @rule(profile=st.sampled_from(["P", "Q", "R", ""]), tunnel=st.sampled_from(TUNNELS))
    def somebody_configures(self, profile: str, tunnel: str) -> None:
        words = f"tunnel protection ipsec profile {profile}" if profile else "no tunnel protection ipsec profile P"
        self.do(self.bench.configure(f"interface {tunnel}\n {words}\n"))

    @rule(tunnel=st.sampled_from(TUNNELS), down=st.booleans())
    def somebody_shuts_a_tunnel(self, tunnel: str, down: bool) -> None:
        self.do(self.bench.configure(f"interface {tunnel}\n {'' if down else 'no '}shutdown\n"))

    @rule(sas_only=st.booleans())
    def somebody_clears(self, sas_only: bool) -> None:
        self.do(self.bench.handle(ClearCrypto(sas_only=sas_only)))

    # ------------------------------------------------------------------------------------------------ what holds

    @invariant()
    def the_last_word_about_a_pair_is_true(self) -> None:
        """How far a pair is that is not secured concerns those who want it; that it is secured or not, everybody."""
        for (tunnel, nbma, port), told in self.told.items():
            state, known = self.ipsec.between(tunnel, nbma, port), self.bench.ports.tunnels.get(tunnel)
            if known is None or not known.protection or not known.enabled:
                continue
            if (tunnel, nbma, port) in self.wishes:
                assert state == told
            elif not port:
                assert (state.phase is SECURED, state.connection) == (told.phase is SECURED, told.connection)

    @invariant()
    def who_is_secured_was_told_so(self) -> None:
        for tunnel in TUNNELS:
            for nbma in PEERS:
                state = self.ipsec.between(tunnel, nbma)
                if state.connection:
                    assert self.told[tunnel, nbma, 0] == state

    @invariant()
    def the_plane_has_what_ipsec_believes_in(self) -> None:
        assert {view.spi_in for view in self.ipsec.sas()} <= set(self.plane)
        for each in self.ipsec.connections():
            assert self.current[each.number] not in self.closed

    @invariant()
    def nothing_is_sent_on_what_was_closed(self) -> None:
        assert not set(self.current.values()) & set(self.closed)


TestLifeOfIpsec = LifeOfIpsec.TestCase
TestLifeOfIpsec.settings = settings(stateful_step_count=25)


# An entry of a keyring is found by a look, and it is the one that a search through all entries would find.

addresses = st.sampled_from([IPv4Address(text) for text in ("0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.0", "10.0.0.0")])
masks = st.none() | st.sampled_from(
    [IPv4Address(text) for text in ("0.0.0.0", "255.255.255.255", "255.255.255.0", "255.255.0.0", "255.0.255.0")]
)
#: The second one has the number of 10.0.0.1.
addresses6 = st.sampled_from([IPv6Address(text) for text in ("::", "::a00:1", "2001:db8::1", "2001:db8:0:1::")])
masks6 = st.none() | st.sampled_from([Prefix.of(IPv6Address(0), length).netmask for length in (0, 48, 64, 128)])
#: An address, if any, and its mask, if any.
ends = st.tuples(st.none() | addresses, masks) | st.tuples(addresses6, masks6)
words = st.sampled_from(["a.net", "A.net", "net", "x@net", "b.a.net"])
identities = st.builds(
    lambda kind, end, text: Identity(kind=kind, address=end[0], mask=end[1], text=text),
    st.sampled_from(IdentityKind),
    ends,
    words,
)
entries = st.builds(
    lambda name, end, identity: KeyringPeer(name=name, address=end[0], mask=end[1], identity=identity),
    words,
    ends,
    st.none() | identities,
)
proofs = st.one_of(
    st.builds(of_address, addresses | addresses6),
    st.builds(lambda kind, word: Identification(kind, word.encode()), st.sampled_from(IdType), words),
)


def covers(peer: KeyringPeer, address: IPAddress) -> int:
    """The mask by which an entry covers an address; -1: it does not."""
    wanted = Identity(kind=IdentityKind.ADDRESS, address=peer.address, mask=peer.mask)
    if not matches(wanted, of_address(address)) or peer.address is None:
        return -1
    return int(peer.mask) if peer.mask is not None else EVERY_BIT[type(peer.address)] * bool(int(peer.address))


@given(st.lists(entries, max_size=8), proofs)
def test_the_entry_of_an_identity_is_the_first_that_names_it(peers: list[KeyringPeer], theirs: Identification) -> None:
    named = [peer for peer in peers if peer.identity is not None and names(peer.identity, theirs)]
    hosts = [peer for peer in peers if peer.identity is None and is_host(peer.address, peer.mask)]
    named += [peer for peer in hosts if covers(peer, peer.address or IPv4Address(0)) >= 0 and is_at(peer, theirs)]
    wide = [peer for peer in peers if peer.identity is not None and matches(peer.identity, theirs)]
    roster = Roster(Pages(peers))
    assert roster.named(theirs) is next(iter(named), None)
    assert (roster.named(theirs) or roster.among(theirs)) is next(iter(named + wide), None)


@given(st.lists(entries, max_size=8), addresses | addresses6)
def test_the_entry_of_an_address_has_the_longest_mask_around_it(peers: list[KeyringPeer], address: IPAddress) -> None:
    fitting = [peer for peer in peers if covers(peer, address) >= 0]
    longest = max(fitting, key=lambda peer: covers(peer, address), default=None)
    assert Roster(Pages(peers)).at(address) is longest


def is_at(peer: KeyringPeer, theirs: Identification) -> bool:
    return peer.address is not None and theirs == of_address(peer.address)


class Read(Pages[KeyringPeer]):
    """Counts how often somebody goes through it."""

    times = 0

    def __iter__(self) -> Iterator[KeyringPeer]:
        Read.times += 1
        return super().__iter__()


def test_a_keyring_of_thousands_is_read_once_and_not_for_each_handshake() -> None:
    key = PreSharedKey(b"key")
    spokes = [IPv4Address("10.0.0.1") + number for number in range(2000)]
    peers = Read(KeyringPeer(name=str(spoke), address=spoke, local_key=key, remote_key=key) for spoke in spokes)
    profile = Profile(
        name="P",
        matches=(Identity(kind=IdentityKind.ANY),),
        local_authentication=AuthenticationMethod.PRE_SHARED_KEY,
        remote_authentication=(AuthenticationMethod.PRE_SHARED_KEY,),
        keyring="RING",
    )
    peer_settings = ConfiguredSettings(IkeConfig(keyrings=(Keyring("RING", peers),), profiles=(profile,)), ())
    with patch.object(Read, "times", 0):
        for spoke in spokes[:100]:
            path = Mock(remote=Mock(address=spoke))
            found = peer_settings.expectation(Mock(profile="P"), path, of_address(spoke))
            assert isinstance(found, Expectation)
            assert found.entry == f"keyring RING peer {spoke}"
        assert Read.times <= 1


# Whatever there is in one front door, IPsec decides and finds in another one what it would without it.

FRONTS = ["", "A", "B"]
OURS = [IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")]
CONFIG = IpsecConfig(profiles=(IpsecProfile(name="P"), IpsecProfile(name="Q")))
fronts, ours, peers = st.sampled_from(FRONTS), st.sampled_from(OURS), st.sampled_from(PEERS)


@st.composite
def tunnels(draw: st.DrawFn) -> list[TunnelState]:
    """Draw tunnels with few sources, so that many have the same."""
    return [
        TunnelState(
            name=f"Tunnel{number}",
            multipoint=destination is None,
            source=draw(ours),
            source_interface="",
            destination=destination,
            key=None,
            transport_mtu=1500,
            up=True,
            protection=draw(st.sampled_from(["P", "Q", "MISSING", ""])),
            front=draw(fronts),
        )
        for number, destination in enumerate(draw(st.lists(st.none() | peers, max_size=8)))
    ]


@given(every=tunnels())
def test_a_tunnel_is_protected_as_if_there_were_no_other_front_door(every: list[TunnelState]) -> None:
    apart = [decide([tunnel for tunnel in every if tunnel.front == front], CONFIG) for front in FRONTS]
    assert decide(every, CONFIG) == {name: decision for each in apart for name, decision in each.items()}


@given(every=tunnels(), front=fronts, local=ours, remote=peers)
def test_ike_negotiates_in_a_front_door_by_the_policies_of_its_tunnels(
    every: list[TunnelState], front: str, local: IPv4Address, remote: IPv4Address
) -> None:
    ends = OuterAddress(local, front), remote
    alone = policies_of(decide([tunnel for tunnel in every if tunnel.front == front], CONFIG))
    assert policies_for(policies_of(decide(every, CONFIG)), ends) == policies_for(alone, ends)


@given(known=st.lists(st.tuples(ours, peers, fronts), max_size=12), front=fronts, local=ours, remote=peers)
def test_a_pair_has_the_connections_of_its_own_front_door(
    known: list[tuple[IPv4Address, IPv4Address, str]], front: str, local: IPv4Address, remote: IPv4Address
) -> None:
    associations = Associations()
    for number, (ours, theirs, where) in enumerate(known, 1):
        associations.install(negotiated(connection(number, ours, theirs, front=where), 2 * number), 0.0)
    found = [each.number for each in associations.connections(OuterAddress(local, front), remote)]
    fitting = [number for number, one in enumerate(known, 1) if one == (local, remote, front)]
    assert found == fitting[::-1]
    assert associations.are_alone((OuterAddress(local, front), remote)) == (len(fitting) < 2)
    for number, (_, _, where) in enumerate(known, 1):
        assert [each for each in FRONTS if associations.has(2 * number, each)] == [where]
