"""The configuration as an IKE SA asks it: which suites, which profile for this peer, which key.

A peer is chosen by its identity, never by the address that its packets come from: behind a NAT they come from somewhere
else, and an address proves nothing. Only its key is looked up by address too, and only if its identity gave none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.entrances import Denial, Entrances, Outer
from dmvpn.base.ports import Rib, table_named
from dmvpn.base.protection import Encapsulation, IkeVersion, ProtectionPolicy, policies_at, policies_for
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import translation
from dmvpn.features.ike.chain import EspSpis, TrafficSelector
from dmvpn.features.ike.crypto.material import KeyLog
from dmvpn.features.ike.identity import (
    Identification,
    Proof,
    Roster,
    address_of,
    is_host,
    matches,
    name_of,
    names,
    of_address,
)
from dmvpn.features.ike.model import DEFAULT_PROPOSAL, AuthenticationMethod, IdentityKind
from dmvpn.features.ike.numbers import Group, IdType
from dmvpn.features.ike.peer_settings import NAT_PORT, ChildTerms, Expectation, MainModeOpening, Opening, Terms, UdpUse
from dmvpn.features.ike.reasons import IkeReason, refusal
from dmvpn.features.ike.suites import Suite, esp_suites, ike_suites, lacking
from dmvpn.features.ike.translation import Translation, written
from dmvpn.features.ike.trust import Trust, takes_certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.features.ike.crypto.certificates import PublicKey
    from dmvpn.features.ike.model import IkeConfig, Keyring, KeyringPeer, Profile
    from dmvpn.features.ike.peer_settings import DatagramPath, IsakmpTransform
    from dmvpn.features.ike.udp import Nat

_GRE = 47
#: Seconds; RFC 3948 §4.
_NAT_KEEPALIVE = 20
#: Keys that are tried on a peer in main mode, each at the price of a key schedule.
_MOST_SECRETS = 4
_WIRE_KINDS = {
    IdentityKind.FQDN: IdType.FQDN,
    IdentityKind.EMAIL: IdType.RFC822_ADDR,
    IdentityKind.KEY_ID: IdType.KEY_ID,
}


class ConfiguredSettings:
    """`PeerSettings` over the model of the configuration.

    policies: of the protected tunnels.
    trust: certificates.
    interface_of: the name of the interface that has an address of ours, or "".
    """

    def __init__(
        self,
        config: IkeConfig,
        policies: tuple[ProtectionPolicy, ...],
        trust: Trust | None = None,
        interface_of: Callable[[OuterAddress], str] = lambda _: "",
        rib_of: Callable[[str], Rib | None] = lambda _: None,
        entrances: Entrances | None = None,
    ) -> None:
        """rib_of: the routing table of a VRF, as far as there is one here. entrances: the lists of our ports."""
        self.trust = trust or Trust()
        self.key_log, self.esp_spis = KeyLog(), EspSpis()
        self._interface_of, self._rib_of, self._entrances = interface_of, rib_of, entrances
        self._openings: dict[OuterAddress, Opening] = {}
        self._named: dict[tuple[str, str], tuple[Profile, ...]] = {}
        self._asked: tuple[object, ...] = ()
        self._entries = _Entries()
        self._rosters: dict[str, Roster] = {}
        self._translation = Translation()
        self.renew(config, policies)

    def renew(self, config: IkeConfig, policies: tuple[ProtectionPolicy, ...]) -> None:
        """Take over another configuration: what begins from here on follows it."""
        self.config, self.policies = self._translation.translated(config), policies
        self._openings, self._named, self._asked = {}, {}, ()
        self._transforms: tuple[IsakmpTransform, ...] | None = None
        self._profiles = {profile.name: profile for profile in self.config.profiles}
        self._keyrings = {keyring.name: keyring for keyring in self.config.keyrings}
        self._certified = {profile.name for profile in self.config.profiles if takes_certificates(profile)}
        used = {profile.keyring for profile in self.config.profiles}
        self._in_use = [one for one in self.config.keyrings if one.name in used or one.fvrf not in ("any", "")]
        peers = {name: keyring.peers for name, keyring in self._keyrings.items()}
        self._rosters = {name: one for name, one in self._rosters.items() if peers.get(name) is one.peers}

    def policy(self, name: str, outer: OuterAddress) -> ProtectionPolicy | None:
        """Return the IPsec profile of this name at one of our addresses."""
        return next((policy for policy in self.policies if (policy.name, policy.outer) == (name, outer)), None)

    def obstacle(self, path: DatagramPath) -> Reason | None:
        """See `PeerSettings`."""
        front, remote = path.front, path.remote.address
        rib = self._rib_of(front)
        if rib is not None and not rib.forwarding(remote):
            return (
                Reason(IkeReason.NO_ROUTE_IN_VRF, (remote, front)) if front else Reason(IkeReason.NO_ROUTE, (remote,))
            )
        what = Outer.IN_UDP if path.local.port == NAT_PORT else Outer.IKE
        denied = self.denial(what, path.ends, path.remote.port)
        return None if denied is None else refusal(denied)

    def denial(self, what: Outer, ends: Ends, port: int = 0) -> Denial | None:
        """Return which list of ours denies such packets of a peer. port: see `Outer`."""
        return None if self._entrances is None else self._entrances.denial(what, ends, port)

    # ------------------------------------------------------------------------------------------------ suites

    def suites(self, path: DatagramPath) -> tuple[Suite, ...]:
        """Return the suites of the first policy for our address, else the default ones."""
        return self._opening(path.outer).suites

    def _opening(self, outer: OuterAddress) -> Opening:
        """Return what an address of ours has in common with every peer."""
        if (known := self._openings.get(outer)) is None:
            use = _udp_use(policies_at(self.policies, outer))
            known = self._openings[outer] = Opening(self._suites_for(outer), use)
        return known

    def _suites_for(self, outer: OuterAddress) -> tuple[Suite, ...]:
        proposals = {proposal.name: proposal for proposal in self.config.proposals}
        for policy in self.config.policies:
            if policy.fvrf not in ("any", outer.front):
                continue
            if not policy.local_addresses or outer.address in policy.local_addresses:
                named = [proposals[name] for name in policy.proposals if name in proposals]
                suites = ike_suites(named, weak=self.config.weak_algorithms)
                if suites:
                    return suites
        return ike_suites((DEFAULT_PROPOSAL,))

    def opening(self, path: DatagramPath) -> Opening:
        """Return what the policies for our address say of UDP, the more careful of them, and whom they believe."""
        outer = path.outer
        found = self._opening(outer)
        use = self._permitted(found.udp, path)
        if use is found.udp and not self._certified:
            return found
        policies = policies_at(self.policies, outer)
        profiles = (profile for policy in policies for profile in self._profiles_of(policy))
        authorities = dict.fromkeys(one for profile in profiles for one in self._authorities(profile))
        return Opening(found.suites, use, tuple(authorities))

    def has_key(self, path: DatagramPath) -> bool:
        """Return whether a pre-shared key is for the peer's address, or for peers at any address."""
        profiles = [one for policy in policies_for(self.policies, path.ends) for one in self._profiles_of(policy)]
        remote, front = path.remote.address, path.front
        return any(one.remote_key or self._entries_for(one, remote, None, front).counts for one in profiles)

    def main_mode(self, path: DatagramPath) -> MainModeOpening:
        """Return what the isakmp lines say: their policies, and the keys for the peer's address."""
        front, remote = path.front, path.remote.address
        policies = policies_for(self.policies, path.ends)
        usable = {profile.name for policy in policies for profile in self._profiles_of(policy)}
        profiles = [one for one in self.config.profiles if one.name in usable and translation.is_isakmp(one.name)]
        peers = [self._entries_for(profile, remote, None, front).counts for profile in profiles]
        secrets = dict.fromkeys(peer.local_key.octets for peer in peers if peer is not None and peer.local_key)
        transforms = self._isakmp_transforms() if profiles else ()
        signing = profiles if any(one.signs for one in transforms) else []
        proofs = [self.trust.proof(one, AuthenticationMethod.RSA_SIGNATURE) for one in signing]
        refusals = [proof for proof in proofs if isinstance(proof, Reason)]
        if secrets and transforms and all(one.signs for one in transforms):
            refusals = [translation.lacks_certificate(self.config) for _ in refusals]
        return MainModeOpening(
            transforms,
            self._permitted(_udp_use(policies), path),
            tuple(secrets)[:_MOST_SECRETS],
            unsigned=refusals[0] if refusals and len(refusals) == len(proofs) else None,
            keyless=None if secrets else self._why_keyless(profiles, policies, path),
            fragment=self.config.isakmp.fragment,
            authorities=tuple(
                dict.fromkeys(name for one in profiles for name in self._authorities(one, IkeVersion.V1))
            ),
        )

    def _isakmp_transforms(self) -> tuple[IsakmpTransform, ...]:
        if self._transforms is None:
            self._transforms = translation.transforms(self.config)
        return self._transforms

    def _authorities(self, profile: Profile, version: IkeVersion = IkeVersion.V2) -> tuple[bytes, ...]:
        """Return whom a CERTREQ names to a peer that may prove itself with a certificate."""
        if profile.name not in self._certified:
            return ()
        return self.trust.names(profile) if version == IkeVersion.V1 else self.trust.requests(profile)

    def esp_denial(self, path: DatagramPath, nat: Nat) -> Denial | None:
        """Return which list of ours keeps ESP of a peer out in every way that there is."""
        if self._entrances is None:
            return None
        return self._entrances.esp(path.ends, path.remote.port if nat.remote else 0, nat=nat.found)

    def _permitted(self, use: UdpUse, path: DatagramPath) -> UdpUse:
        """Return this use of UDP. What a list keeps out is not preferred."""
        if use.prefers and self.denial(Outer.IN_UDP, path.ends) is not None:
            return replace(use, prefers=False)
        return use

    # ------------------------------------------------------------------------------------------------ terms

    def to(self, policy: ProtectionPolicy, remote: IPAddress) -> Terms | Reason:
        """Return how we begin with a peer of which we know only the address."""
        profiles = self._profiles_of(policy)
        if not profiles:
            if named := policy.ikev2_profile or policy.isakmp_profile:
                kind = "ikev2" if policy.ikev2_profile else "isakmp"
                there_is = self._unusable(self._profiles.get(named), policy)
                return Reason(IkeReason.PROFILE_MISSING, (policy.name, kind, named, there_is))
            return self._unnamed(policy, remote) or Reason(IkeReason.NO_PROFILE, (policy.name,))
        version = translation.version_of(self.config, profiles[0].name)
        if version == IkeVersion.V1 and not self._isakmp_transforms():
            return Reason(IkeReason.NO_ISAKMP_POLICY, (translation.left_out(self.config),))
        terms = self._terms(profiles[0], policy, remote, None, version)
        if isinstance(terms, Reason) and terms.code is IkeReason.NO_KEY_LINE:
            return self._unnamed(policy, remote) or terms
        return terms

    def terms(
        self,
        path: DatagramPath,
        theirs: Identification,
        ours: Identification | None,
        chain: tuple[bytes, ...] = (),
        version: IkeVersion = IkeVersion.V2,
    ) -> Terms | Reason:
        """Return how we answer a peer with this identity. In IKEv1 only profiles out of isakmp lines count."""
        front, remote = path.front, path.remote.address
        policies = policies_for(self.policies, path.ends)
        if not policies:
            return Reason(IkeReason.NOT_PROTECTED, (path.local.address, remote))
        elsewhere = ""
        for profile in self.config.profiles:
            if version == IkeVersion.V1 and not translation.is_isakmp(profile.name):
                continue
            if not _is_for(profile, theirs, front) and not self.trust.means(profile, chain):
                continue
            for policy in policies:
                if profile in self._profiles_of(policy):
                    return self._terms(profile, policy, remote, theirs, version)
                if profile.fvrf not in ("any", front) and profile.name in self._names_of(policy):
                    elsewhere = elsewhere or written(profile.name)
        if elsewhere:
            line = f"match fvrf {front}" if front else "no match fvrf"
            return Reason(IkeReason.OTHER_FVRF, (elsewhere, name_of(theirs), line))
        return Reason(IkeReason.NO_MATCH, ("isakmp" if version == IkeVersion.V1 else "ikev2", name_of(theirs)))

    def _profiles_of(self, policy: ProtectionPolicy) -> tuple[Profile, ...]:
        """Return the profiles that an IPsec profile may use, first the profile with which we begin."""
        written = policy.ikev2_profile, policy.isakmp_profile
        if (known := self._named.get(written)) is None:
            names = self._names_of(policy)
            known = self._named[written] = tuple(self._profiles[name] for name in names if name in self._profiles)
        return tuple([profile for profile in known if self._is_used_at(profile, policy)])

    def _names_of(self, policy: ProtectionPolicy) -> tuple[str, ...]:
        return translation.candidates(self.config, policy)

    def _is_used_at(self, profile: Profile, policy: ProtectionPolicy) -> bool:
        """Return whether it is for our address (`match address local`): any address, if the profile names none.

        Its VRF counts, too (`match fvrf`): without that line the global table.
        """
        if profile.fvrf not in ("any", policy.front):
            return False
        if not profile.local_addresses and not profile.local_interfaces:
            return True
        return policy.local in profile.local_addresses or self._interface_of(policy.outer) in profile.local_interfaces

    def _unusable(self, profile: Profile | None, policy: ProtectionPolicy) -> str:
        """Return why there is no such profile for the tunnel."""
        if profile is None:
            return "there is none"
        if profile.fvrf in ("any", policy.front):
            return f"there is none for {policy.local}"
        if not policy.front:
            return f"it is for the VRF {profile.fvrf}, and the tunnel has no `tunnel vrf`"
        line = f"match fvrf {profile.fvrf}" if profile.fvrf else "no match fvrf"
        return f"it has {line}, and the tunnel needs match fvrf {policy.front}"

    def _terms(
        self,
        profile: Profile,
        policy: ProtectionPolicy,
        remote: IPAddress,
        theirs: Identification | None,
        version: IkeVersion = IkeVersion.V2,
    ) -> Terms | Reason:
        is_v1 = version == IkeVersion.V1
        find = self._proof_of_v1 if is_v1 else self._proof
        proof = find(profile, remote, theirs, policy.front)
        if isinstance(proof, Reason):
            return proof
        isakmp = self.config.isakmp
        dpd = profile.dpd or (isakmp.keepalive if is_v1 else self.config.dpd)
        nat_keepalive = isakmp.nat_keepalive if is_v1 else profile.nat_keepalive or self.config.nat_keepalive
        return Terms(
            version=version,
            profile=profile.name,
            identity=_our_identity(profile, policy.local, proof.name),
            child=_child_terms(policy, remote, weak=self.config.weak_algorithms),
            secret=proof.secret,
            key=proof.key,
            chain=proof.chain,
            authorities=self._authorities(profile, version),
            fragment=self.config.fragment,
            lifetime=float(profile.lifetime),
            dpd=float(dpd.interval) if dpd else 0.0,
            dpd_retry=float(dpd.retry) if dpd else 0.0,
            on_demand=dpd is not None and dpd.on_demand,
            force_udp=profile.force_nat or policy.encapsulation is Encapsulation.FORCE,
            nat_keepalive=float(nat_keepalive or _NAT_KEEPALIVE),
            sole=profile.initial_contact,
        )

    def child(self, terms: ChildTerms) -> ChildTerms:
        """Return the terms of its IPsec profile now; without one it keeps its own for the rest of its life."""
        policy = self.policy(terms.profile, OuterAddress(terms.local.first, terms.front))
        return _child_terms(policy, terms.remote.first, weak=self.config.weak_algorithms) if policy else terms

    # ------------------------------------------------------------------------------------------------ proofs

    def _proof(self, profile: Profile, remote: IPAddress, theirs: Identification | None, front: str) -> Proof | Reason:
        """Return how we prove ourselves to this peer."""
        match profile.local_authentication:
            case AuthenticationMethod.RSA_SIGNATURE | AuthenticationMethod.ECDSA_SIGNATURE as method:
                return self.trust.proof(profile, method)
            case AuthenticationMethod.PRE_SHARED_KEY:
                return self._secret(profile, remote, theirs, front, IkeVersion.V2)
            case other:
                return Reason(IkeReason.UNABLE, (profile.name, other.value if other else "none"))

    def _proof_of_v1(
        self, profile: Profile, remote: IPAddress, theirs: Identification | None, front: str
    ) -> Proof | Reason:
        """Return how we can prove ourselves: the policies say by what, and main mode negotiates which of both."""
        methods = dict.fromkeys(one.signs for one in self._isakmp_transforms())
        found = [
            self.trust.proof(profile, AuthenticationMethod.RSA_SIGNATURE)
            if signs
            else self._secret(profile, remote, theirs, front, IkeVersion.V1)
            for signs in methods or (False,)
        ]
        able = [proof for proof in found if isinstance(proof, Proof)]
        if not able:
            has_key = not isinstance(self._secret(profile, remote, theirs, front, IkeVersion.V1), Reason)
            return translation.lacks_certificate(self.config) if has_key else found[0]
        one, other = able[0], able[-1]
        return Proof(one.secret or other.secret, one.key or other.key, one.chain or other.chain, one.name or other.name)

    def _secret(
        self, profile: Profile, remote: IPAddress, theirs: Identification | None, front: str, version: IkeVersion
    ) -> Proof | Reason:
        """Return our pre-shared key for this peer."""
        peer = self._entries_for(profile, remote, theirs, front, version).counts
        secret = profile.local_key or (peer.local_key if peer else None)
        if secret is not None:
            return Proof(secret=secret.octets)
        whom = name_of(theirs) if theirs else str(remote)
        if why := self._keyless(profile, whom, front):
            return why
        if profile.keyring == translation.ISAKMP:
            return Reason(IkeReason.NO_KEY_LINE, (whom,))
        keyring = translation.plain(profile.keyring) or "(none)"
        return Reason(IkeReason.NO_KEY, (written(profile.name), keyring, whom))

    def expectation(self, terms: Terms, path: DatagramPath, theirs: Identification) -> Expectation | Reason:
        """Return by which key the peer must prove itself."""
        profile = self._profiles.get(terms.profile)
        if profile is None:
            return Reason(IkeReason.PROFILE_GONE, (written(terms.profile),))
        is_named = _is_for(profile, theirs, terms.child.front)
        if not is_named and not profile.certificate_maps:
            return Reason(IkeReason.OTHER_IDENTITY, (written(profile.name), name_of(theirs)))
        certificates = profile.name in self._certified
        if AuthenticationMethod.PRE_SHARED_KEY not in profile.remote_authentication or not is_named:
            shared: Expectation | Reason = Reason(IkeReason.NO_WAY, (written(profile.name), name_of(theirs)))
        else:
            shared = self._shared(profile, path.remote.address, theirs, terms.child.front, terms.version)
        if isinstance(shared, Reason):
            return Expectation(certificates=True) if certificates else shared
        return replace(shared, certificates=True) if certificates else shared

    def _shared(
        self, profile: Profile, remote: IPAddress, theirs: Identification, front: str, version: IkeVersion
    ) -> Expectation | Reason:
        """Return the secret by which a peer proves this identity: of the entry that names it, if any does.

        All peers whose key was found by address have the same key: it says "one of us", and no name.
        """
        keyring, named, peer = self._entries_for(profile, remote, theirs, front, version)
        if named is None:
            rings = [one for one in self._in_use if one is not keyring and one.fvrf in ("any", front)]
            other = next((one for one in rings if self._roster(one).named(theirs) is not None), None)
            if other is not None:
                where = translation.plain(other.name) or "(global)"
                return Reason(IkeReason.NAMED_ELSEWHERE, (written(profile.name), name_of(theirs), where))
        if named is None and profile.remote_key is not None:
            is_named = any(names(match, theirs) for match in profile.matches)
            found = Expectation((profile.remote_key.octets,), entry=f"profile {profile.name}", named=is_named)
        else:
            if peer is None or peer.remote_key is None:
                return Reason(IkeReason.NO_WAY, (written(profile.name), name_of(theirs)))
            entry = translation.entry(keyring.name if keyring is not None else "", peer.name)
            found = Expectation((peer.remote_key.octets,), entry=entry, named=named is not None)
        if profile.names_proved and not found.named:
            return Reason(IkeReason.NAMELESS, (written(profile.name), name_of(theirs)))
        return found

    def nameless(self, policy: ProtectionPolicy) -> tuple[tuple[str, str], ...]:
        """Return keyring and entry of all keys that peers of this policy may have, and that prove no name."""
        found: list[tuple[str, str]] = []
        for profile in self._profiles_of(policy):
            keyring = self._keyring(profile, policy.front)
            is_shared = AuthenticationMethod.PRE_SHARED_KEY in profile.remote_authentication
            if keyring is not None and is_shared and not profile.names_proved and profile.remote_key is None:
                by_address = (peer for peer in keyring.peers if peer.remote_key is not None and _is_open(peer))
                found += [(keyring.name, peer.name) for peer in by_address]
        return tuple(dict.fromkeys(found))

    def _keyring(self, profile: Profile, front: str) -> Keyring | None:
        """Return the keyring of a profile for peers in a VRF: keys of a VRF count in that VRF only."""
        keyring = self._keyrings.get(translation.keyring_of(profile, front))
        return keyring if keyring is not None and keyring.fvrf in ("any", front) else None

    def _keyless(self, profile: Profile, whom: object, front: str) -> Reason | None:
        """Return the line that is missing, if the VRF of a peer has no keys by isakmp lines."""
        written = self._keyrings.get(profile.keyring)
        elsewhere = written is not None and written.fvrf not in ("any", front)
        if not translation.is_isakmp(profile.keyring) or not (front or elsewhere):
            return None
        return Reason(IkeReason.NO_KEY_IN_VRF, (whom, table_named(front), translation.keyring_line(profile, front)))

    def _why_keyless(
        self, profiles: list[Profile], policies: Iterable[ProtectionPolicy], path: DatagramPath
    ) -> Reason | None:
        """Return why there is no key for a peer, if it is more than that no line has any."""
        remote = path.remote.address
        found = [self._keyless(profile, remote, path.front) for profile in profiles[:1]]
        return next(filter(None, (*found, *(self._unnamed(policy, remote) for policy in policies))), None)

    def _unnamed(self, policy: ProtectionPolicy, remote: IPAddress) -> Reason | None:
        """Return that an isakmp profile has a key for a peer, and the IPsec profile of a tunnel does not name it."""
        if policy.ikev2_profile or policy.isakmp_profile:
            return None
        for profile in self.config.profiles:
            name = translation.plain(profile.name) if translation.is_isakmp(profile.name) else ""
            if name and self._entries_for(profile, remote, None, policy.front).counts is not None:
                return Reason(IkeReason.UNNAMED_PROFILE, (name, remote, policy.name))
        return None

    def _roster(self, keyring: Keyring) -> Roster:
        roster = self._rosters.get(keyring.name)
        if roster is None:
            roster = self._rosters[keyring.name] = Roster(keyring.peers)
        return roster

    def believe(self, terms: Terms, theirs: Identification, chain: tuple[bytes, ...], now: float) -> PublicKey | Reason:
        """Believe it if an authority of the profile's trustpoints vouches for it, and the profile is for its name."""
        profile = self._profiles.get(terms.profile)
        if profile is None:
            return Reason(IkeReason.PROFILE_GONE, (written(terms.profile),))
        if profile.name not in self._certified:
            return Reason(IkeReason.CERTIFICATE_REFUSED, (name_of(theirs), written(profile.name)))
        if not _is_for(profile, theirs, terms.child.front) and not self.trust.means(profile, chain):
            return Reason(IkeReason.NO_MAP, (written(profile.name), name_of(theirs)))
        return self.trust.believe(profile, theirs, chain, now)

    def _entries_for(
        self,
        profile: Profile,
        remote: IPAddress,
        theirs: Identification | None,
        front: str,
        version: IkeVersion = IkeVersion.V2,
    ) -> _Entries:
        """Return what the keyring has for a peer: by identity, then by the longest prefix of its address.

        An address that the peer claims counts only in IKEv2: in IKEv1 its key was looked up before it could claim any.
        It is asked twice in a row, for our proof and for the peer's, and looks once.
        """
        asked = profile.name, remote, theirs, front, version
        if asked == self._asked:
            return self._entries
        keyring, named, counts = self._keyring(profile, front), None, None
        if keyring is not None:
            roster = self._roster(keyring)
            if theirs is not None:
                named = roster.named(theirs)
                counts = named or roster.among(theirs)
                if counts is None and version == IkeVersion.V2 and (claimed := address_of(theirs)) is not None:
                    counts = roster.at(claimed)
            counts = counts or roster.at(remote)
        self._asked, self._entries = asked, _Entries(keyring, named, counts)
        return self._entries


class _Entries(NamedTuple):
    """What a keyring has for a peer.

    named: the entry for its very name.
    counts: the entry whose keys are used with it.
    """

    keyring: Keyring | None = None
    named: KeyringPeer | None = None
    counts: KeyringPeer | None = None


def _udp_use(policies: Iterable[ProtectionPolicy]) -> UdpUse:
    """Return the more careful use of UDP of these policies."""
    every = tuple(policies)
    return UdpUse(
        detects=all(policy.nat_traversal for policy in every),
        prefers=all(policy.encapsulation is Encapsulation.AUTO and policy.nat_traversal for policy in every),
        forces=any(policy.encapsulation is Encapsulation.FORCE for policy in every),
    )


def _is_open(peer: KeyringPeer) -> bool:
    """Return whether more than one peer may have the key of this entry."""
    if peer.identity is not None:
        return peer.identity.kind in (IdentityKind.ANY, IdentityKind.FQDN_DOMAIN, IdentityKind.EMAIL_DOMAIN)
    return peer.address is not None and not is_host(peer.address, peer.mask)


def _is_for(profile: Profile, theirs: Identification, front: str) -> bool:
    """Return whether a profile names this identity in this VRF."""
    return any(match.fvrf in ("any", front) and matches(match, theirs) for match in profile.matches)


def _our_identity(profile: Profile, local: IPAddress, name: Identification | None) -> Identification:
    """Return what the profile says; else the name in our certificate, or our address, which a NAT may translate."""
    identity = profile.local_identity
    if identity is None or identity.kind is IdentityKind.DISTINGUISHED_NAME:
        return name or of_address(local)
    if identity.kind is IdentityKind.ADDRESS and identity.address is not None:
        return of_address(identity.address)
    kind = _WIRE_KINDS.get(identity.kind)
    return of_address(local) if kind is None else Identification(kind, identity.text.encode())


def _child_terms(policy: ProtectionPolicy, remote: IPAddress, *, weak: bool) -> ChildTerms:
    """Return GRE between our address and the peer's, and nothing else."""
    group = policy.pfs_group
    if group and lacking(group, weak=weak):  # the log says so once; never without perfect forward secrecy
        group = Group.MODP_2048
    return ChildTerms(
        profile=policy.name,
        local=TrafficSelector.host(policy.local, _GRE),
        remote=TrafficSelector.host(remote, _GRE),
        first_suites=esp_suites(policy.transforms, esn=policy.esn),
        suites=esp_suites(policy.transforms, group, esn=policy.esn),
        transport=policy.transport,
        may_tunnel=policy.may_tunnel,
        seconds=policy.seconds,
        octets=policy.kilobytes << 10,
        window=policy.replay_window,
        responder_only=policy.responder_only,
        front=policy.front,
        weak=weak,
    )
