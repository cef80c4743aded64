"""An entry of a keyring is found by a look, and it is the one that a search through all entries would find."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from unittest.mock import Mock, patch

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.pages import Pages
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
from dmvpn.features.ike.settings import ConfigurationBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress

addresses = st.sampled_from([IPv4Address(text) for text in ("0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.0", "10.0.0.0")])
masks = st.none() | st.sampled_from(
    [IPv4Address(text) for text in ("0.0.0.0", "255.255.255.255", "255.255.255.0", "255.255.0.0", "255.0.255.0")]
)
words = st.sampled_from(["a.net", "A.net", "net", "x@net", "b.a.net"])
identities = st.builds(
    Identity, kind=st.sampled_from(IdentityKind), address=st.none() | addresses, mask=masks, text=words
)
entries = st.builds(KeyringPeer, name=words, address=st.none() | addresses, mask=masks, identity=st.none() | identities)
proofs = st.one_of(
    st.builds(of_address, addresses),
    st.just(of_address(IPv6Address("2001:db8::1"))),
    st.builds(lambda kind, word: Identification(kind, word.encode()), st.sampled_from(IdType), words),
)


def covers(peer: KeyringPeer, address: IPAddress) -> int:
    """The mask by which an entry covers an address; -1: it does not."""
    wanted = Identity(kind=IdentityKind.ADDRESS, address=peer.address, mask=peer.mask)
    if not matches(wanted, of_address(address)) or peer.address is None:
        return -1
    return int(peer.mask) if peer.mask is not None else 0xFFFFFFFF * bool(int(peer.address))


@given(st.lists(entries, max_size=8), proofs)
def test_the_entry_of_an_identity_is_the_first_that_names_it(peers: list[KeyringPeer], theirs: Identification) -> None:
    named = [peer for peer in peers if peer.identity is not None and names(peer.identity, theirs)]
    hosts = [peer for peer in peers if peer.identity is None and is_host(peer.address, peer.mask)]
    named += [peer for peer in hosts if covers(peer, peer.address or IPv4Address(0)) >= 0 and is_at(peer, theirs)]
    wide = [peer for peer in peers if peer.identity is not None and matches(peer.identity, theirs)]
    roster = Roster(Pages(peers))
    assert roster.named(theirs) is next(iter(named), None)
    assert roster.by_identity(theirs) is next(iter(named + wide), None)


@given(st.lists(entries, max_size=8), addresses)
def test_the_entry_of_an_address_has_the_longest_mask_around_it(peers: list[KeyringPeer], address: IPv4Address) -> None:
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
    book = ConfigurationBook(IkeConfig(keyrings=(Keyring("RING", peers),), profiles=(profile,)), ())
    with patch.object(Read, "times", 0):
        for spoke in spokes[:100]:
            path = Mock(remote=Mock(address=spoke))
            found = book.expectation(Mock(profile="P"), path, of_address(spoke))
            assert isinstance(found, Expectation)
            assert found.entry == f"keyring RING peer {spoke}"
        assert Read.times <= 1
