"""The configuration as an IKE SA asks it: which suites, which profile for this peer, which key.

A peer is chosen by its identity, never by the address that its packets come from: behind a NAT they come from somewhere
else, and an address proves nothing. Only its key is looked up by address too, and only after its identity gave none.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.features.ikev2.algorithms import Authentication
from dmvpn.features.ikev2.defaults import DEFAULT_PROPOSAL
from dmvpn.features.ikev2.identity import address_of, name_of, of_address, text_of
from dmvpn.features.ikev2.model import Identity, IdentityKind
from dmvpn.features.ikev2.suites import esp_suites, ike_suites
from dmvpn.features.ikev2.terms import ChildTerms, Expectation, Terms
from dmvpn.features.ikev2.wire.numbers import IdType
from dmvpn.features.ikev2.wire.payloads import Identification
from dmvpn.features.ikev2.wire.selectors import TrafficSelector

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ikev2.crypto.signatures import PublicKey
    from dmvpn.features.ikev2.model import Ikev2Config, KeyringPeer, Profile
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.terms import Path

_GRE = 47
_WIRE_KINDS = {
    IdentityKind.FQDN: IdType.FQDN,
    IdentityKind.EMAIL: IdType.RFC822_ADDR,
    IdentityKind.KEY_ID: IdType.KEY_ID,
}


class ConfigurationBook:
    """A `Book` over the model of the configuration. policies: of the protected tunnels."""

    def __init__(self, config: Ikev2Config, policies: tuple[ProtectionPolicy, ...]) -> None:
        self.config, self.policies = config, policies
        self._suites: dict[IPAddress, tuple[Suite, ...]] = {}

    # ------------------------------------------------------------------------------------------------ suites

    def suites(self, path: Path) -> tuple[Suite, ...]:
        """Of the first policy for our address, else the default ones."""
        local = path.local.address
        if local not in self._suites:
            self._suites[local] = self._suites_for(local)
        return self._suites[local]

    def _suites_for(self, local: IPAddress) -> tuple[Suite, ...]:
        proposals = {proposal.name: proposal for proposal in self.config.proposals}
        for policy in self.config.policies:
            if not policy.local_addresses or local in policy.local_addresses:
                named = [proposals[name] for name in policy.proposals if name in proposals]
                suites = ike_suites(named)
                if suites:
                    return suites
        return ike_suites((DEFAULT_PROPOSAL,))

    def authorities(self, path: Path) -> tuple[bytes, ...]:
        """No certificate is believed yet, so none is asked for."""
        return ()

    # ------------------------------------------------------------------------------------------------ terms

    def to(self, policy: ProtectionPolicy, remote: IPAddress) -> Terms | str:
        """How we begin with a peer of which we know only the address."""
        profile = self._profile(policy.ikev2_profile)
        if profile is None:
            return (
                f"ipsec profile {policy.name} names the ikev2 profile {policy.ikev2_profile or '(none)'}: there is none"
            )
        return self._terms(profile, policy, remote, None)

    def terms(self, path: Path, theirs: Identification, ours: Identification | None) -> Terms | str:
        """How we answer somebody who says who he is."""
        local, remote = path.local.address, path.remote.address
        policies = [policy for policy in self.policies if policy.local == local]
        if not policies:
            return f"no tunnel with this source address ({local}) is protected"
        for profile in self.config.profiles:
            if not any(_matches(match, theirs) for match in profile.matches):
                continue
            for policy in policies:
                if policy.ikev2_profile in ("", profile.name):
                    return self._terms(profile, policy, remote, theirs)
        return f"no ikev2 profile of a protected tunnel matches the identity {name_of(theirs)}"

    def _profile(self, name: str) -> Profile | None:
        """By name; without one, the only one there is."""
        if not name and len(self.config.profiles) == 1:
            return self.config.profiles[0]
        return next((profile for profile in self.config.profiles if profile.name == name), None)

    def _terms(
        self, profile: Profile, policy: ProtectionPolicy, remote: IPAddress, theirs: Identification | None
    ) -> Terms | str:
        if profile.local_authentication is not Authentication.PRE_SHARED_KEY:
            return f"ikev2 profile {profile.name}: local authentication is not by pre-shared key"
        peer = self._keyring_peer(profile, remote, theirs)
        secret = profile.local_key or (peer.local_key if peer else None)
        if secret is None:
            whom = name_of(theirs) if theirs else str(remote)
            return f"ikev2 profile {profile.name}: keyring {profile.keyring or '(none)'} has no key for {whom}"
        dpd = profile.dpd or self.config.dpd
        return Terms(
            profile=profile.name,
            identity=_our_identity(profile, policy.local),
            child=_child_terms(policy, remote),
            secret=secret.octets,
            fragment=self.config.fragment,
            lifetime=float(profile.lifetime),
            dpd=float(dpd.interval) if dpd else 0.0,
            force_udp=profile.force_nat,
        )

    # ------------------------------------------------------------------------------------------------ proofs

    def expectation(self, terms: Terms, path: Path, theirs: Identification) -> Expectation | str:
        """By which key the peer must prove itself."""
        profile = self._profile(terms.profile)
        if profile is None:
            return f"ikev2 profile {terms.profile} is gone"
        if not any(_matches(match, theirs) for match in profile.matches):
            return f"ikev2 profile {profile.name} does not match the identity {name_of(theirs)}"
        peer = self._keyring_peer(profile, path.remote.address, theirs)
        secret = profile.remote_key or (peer.remote_key if peer else None)
        if secret is None or Authentication.PRE_SHARED_KEY not in profile.remote_authentication:
            return f"ikev2 profile {profile.name}: no way to authenticate {name_of(theirs)}"
        return Expectation((secret.octets,))

    def believe(self, terms: Terms, theirs: Identification, chain: tuple[bytes, ...]) -> PublicKey | str:
        """No certificate is believed yet."""
        return f"{name_of(theirs)} proves itself by a certificate, which profile {terms.profile} does not accept"

    def _keyring_peer(self, profile: Profile, remote: IPAddress, theirs: Identification | None) -> KeyringPeer | None:
        """The peer of the keyring: by identity, then by the longest prefix of its address."""
        keyring = next((keyring for keyring in self.config.keyrings if keyring.name == profile.keyring), None)
        if keyring is None:
            return None
        if theirs is not None:
            for peer in keyring.peers:
                if peer.identity is not None and _matches(peer.identity, theirs):
                    return peer
        claimed = address_of(theirs) if theirs is not None else None
        for address in (remote,) if claimed is None else (claimed, remote):
            fitting = [peer for peer in keyring.peers if _covers(peer.address, peer.mask, address)]
            if fitting:
                return max(fitting, key=lambda peer: int(peer.mask) if peer.mask else _mask_of(peer.address))
        return None


def _mask_of(address: IPv4Address | None) -> int:
    """Of an address without mask: 0.0.0.0 is everybody, any other itself."""
    return 0 if address is None or int(address) == 0 else 0xFFFFFFFF


def _covers(address: IPv4Address | None, mask: IPv4Address | None, other: IPAddress) -> bool:
    if address is None or not isinstance(other, IPv4Address):
        return False
    bits = int(mask) if mask is not None else _mask_of(address)
    return int(address) & bits == int(other) & bits


def _matches(wanted: Identity, given: Identification) -> bool:
    """Does an identity of the configuration mean this one?"""
    match wanted.kind:
        case IdentityKind.ANY:
            return True
        case IdentityKind.ADDRESS:
            address = address_of(given)
            return address is not None and _covers(wanted.address, wanted.mask, address)
        case IdentityKind.FQDN:
            return given.kind == IdType.FQDN and text_of(given).lower() == wanted.text.lower()
        case IdentityKind.FQDN_DOMAIN:
            name = text_of(given).lower()
            return given.kind == IdType.FQDN and (
                name == wanted.text.lower() or name.endswith(f".{wanted.text.lower()}")
            )
        case IdentityKind.EMAIL:
            return given.kind == IdType.RFC822_ADDR and text_of(given).lower() == wanted.text.lower()
        case IdentityKind.EMAIL_DOMAIN:
            return given.kind == IdType.RFC822_ADDR and text_of(given).lower().endswith(f"@{wanted.text.lower()}")
        case IdentityKind.KEY_ID:
            return given.kind == IdType.KEY_ID and given.data == wanted.text.encode()
        case _:
            return False


def _our_identity(profile: Profile, local: IPAddress) -> Identification:
    """As the profile says, else our address, the private one where somebody translates it."""
    identity = profile.local_identity
    if identity is None:
        return of_address(local)
    if identity.kind is IdentityKind.ADDRESS and identity.address is not None:
        return of_address(identity.address)
    kind = _WIRE_KINDS.get(identity.kind)
    return of_address(local) if kind is None else Identification(kind, identity.text.encode())


def _child_terms(policy: ProtectionPolicy, remote: IPAddress) -> ChildTerms:
    """GRE between our address and the peer's, and nothing else."""
    return ChildTerms(
        profile=policy.name,
        local=TrafficSelector.host(policy.local, _GRE),
        remote=TrafficSelector.host(remote, _GRE),
        first_suites=esp_suites(policy.transforms),
        suites=esp_suites(policy.transforms, policy.pfs_group),
        transport=policy.transport,
        may_tunnel=policy.may_tunnel,
        seconds=policy.seconds,
    )
