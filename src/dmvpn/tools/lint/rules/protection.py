"""Rules about IPsec between the two ends of a tunnel: would IKE come to an end, and would what it agrees on last?

Nothing is negotiated here a second time: the IKE feature's own book answers which profile, key and algorithms each end
would use with the other, and its own comparison says what does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ikev2.book import ConfigurationBook
from dmvpn.features.ikev2.model import Authentication
from dmvpn.features.ikev2.offers import esp_offer, esp_suites, ike_offer, mismatch
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.terms import Endpoint, Path, Terms
from dmvpn.features.ikev2.wire.numbers import ProtocolId
from dmvpn.features.ipsec.policies import resolve
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ikev2.model import Profile
    from dmvpn.network.overlay import End, Network
    from dmvpn.tools.lint.found import Found

ONE_SIDED: Final = Rule(
    id="ipsec-one-sided",
    severity=Severity.ERROR,
    title="One end of a tunnel is protected, and the other is not",
    why="A protected tunnel sends and takes nothing in clear; the other end sends nothing else. Not even a "
    "registration gets through.",
    bad="interface Tunnel0\n tunnel mode gre multipoint",
    fix="interface Tunnel0\n tunnel protection ipsec profile P",
)
PROPOSALS: Final = Rule(
    id="ike-proposals-differ",
    severity=Severity.ERROR,
    title="The two ends have no IKE proposal in common",
    why="IKE_SA_INIT ends with NO_PROPOSAL_CHOSEN (RFC 7296 §2.7). One algorithm of each type, and one group, have to "
    "be in a proposal of both.",
    bad="crypto ikev2 proposal P\n group 14",
    fix="crypto ikev2 proposal P\n group 14 19",
)
KEY: Final = Rule(
    id="ike-key-differs",
    severity=Severity.ERROR,
    title="The pre-shared keys of the two ends differ",
    why="What one end signs with (its local key) has to be what the other one checks with (its remote key for that "
    "peer). IKE_AUTH ends with AUTHENTICATION_FAILED (RFC 7296 §2.15).",
    bad="crypto ikev2 keyring K\n peer HUB\n  pre-shared-key OTHER",
    fix="crypto ikev2 keyring K\n peer HUB\n  pre-shared-key THE-SAME",
)
NO_KEY: Final = Rule(
    id="ike-key-missing",
    severity=Severity.ERROR,
    title="There is no key for a peer",
    why="The key is looked up by the peer's identity, then by its address. If no entry of the keyring holds it, this "
    "router cannot prove itself to the peer, or cannot check it.",
    bad="crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.9",
    fix="crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.1",
)
NO_PROFILE: Final = Rule(
    id="ike-profile-unmatched",
    severity=Severity.ERROR,
    title="No IKE profile of the peer matches this router's identity",
    why="A responder chooses its profile by the identity that the initiator gives, its address unless `identity "
    "local` says otherwise. If none matches, it refuses whoever it is.",
    bad="crypto ikev2 profile P\n match identity remote address 192.0.2.1",
    fix="crypto ikev2 profile P\n match identity remote address 0.0.0.0",
)
METHOD: Final = Rule(
    id="ike-authentication-differs",
    severity=Severity.ERROR,
    title="One end proves itself in a way that the other does not accept",
    why="`authentication local` of one end has to be among `authentication remote` of the other (RFC 7296 §2.15).",
    bad="crypto ikev2 profile P\n authentication remote rsa-sig",
    fix="crypto ikev2 profile P\n authentication remote pre-share",
)
TRANSFORMS: Final = Rule(
    id="ipsec-transforms-differ",
    severity=Severity.ERROR,
    title="The two ends have no transform in common",
    why="The IKE SA comes up, and the child SA is refused with NO_PROPOSAL_CHOSEN (RFC 7296 §3.3): nothing is carried.",
    bad="crypto ipsec transform-set TS esp-gcm 256",
    fix="crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac",
)
MODE: Final = Rule(
    id="ipsec-mode-differs",
    severity=Severity.WARNING,
    title="One end is in transport mode, the other in tunnel mode",
    why="Transport mode is used if both want it (RFC 7296 §1.3.1); else it is tunnel mode with 20 octets more in each "
    "packet, or nothing at all with `mode transport require`.",
    bad="crypto ipsec transform-set TS esp-gcm 256\n mode tunnel",
    fix="crypto ipsec transform-set TS esp-gcm 256\n mode transport",
)
PFS: Final = Rule(
    id="ipsec-pfs-differs",
    severity=Severity.ERROR,
    title="The two ends want different groups for perfect forward secrecy",
    why="The first child SA is made with IKE's own exchange and comes up. Its successor needs an exchange of its own "
    "in a group that both have (RFC 7296 §1.3.1) and is refused: there is never any forward secrecy, and whenever a "
    "lifetime ends the tunnel begins again.",
    bad="crypto ipsec profile P\n set pfs group19",
    fix="crypto ipsec profile P\n set pfs group14",
)
NAMELESS: Final = Rule(
    id="ike-name-not-proved",
    severity=Severity.WARNING,
    title="Addresses are bound to names that a key found by address does not prove",
    why="`ip nhrp bind identity` lets an address belong to the IKE identity that registered it. A pre-shared key that "
    "the keyring finds by a range of addresses is that of everybody there, and each of them may say any name that no "
    "entry names. Give each peer an entry with its identity, or use certificates.",
    bad="crypto ikev2 keyring K\n peer SPOKES\n  address 203.0.113.0 255.255.255.0",
    fix="crypto ikev2 keyring K\n peer SPOKE1\n  identity fqdn spoke1.example\n  pre-shared-key ITS-OWN",
)
PAIR: Final = Rule(
    id="ike-key-of-a-pair",
    severity=Severity.WARNING,
    title="Spokes that are to go directly, and a key that one of them shares with the hub alone",
    why="Two spokes negotiate SAs of their own before they send to each other. A key for the hub's address alone is no "
    "key for another spoke, so what is between them stays on the hub. Certificates, or a key for the addresses of all "
    "spokes, let them meet.",
    bad="crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.1\n  pre-shared-key SECRET",
    fix="crypto ikev2 keyring K\n peer SPOKES\n  address 203.0.113.0 255.255.255.0\n  pre-shared-key SECRET",
)
RULES: Final = (ONE_SIDED, PROPOSALS, KEY, NO_KEY, NO_PROFILE, METHOD, TRANSFORMS, MODE, PFS, NAMELESS, PAIR)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One end of a pair, as IKE sees it."""

    end: End
    address: IPAddress
    policy: ProtectionPolicy
    book: ConfigurationBook

    @property
    def name(self) -> str:
        return self.end.device.hostname

    def path(self, to: _Side) -> Path:
        return Path(Endpoint(self.address, 500), Endpoint(to.address, 500))

    @property
    def profile_line(self) -> tuple[str, ...]:
        return (f"crypto ipsec profile {self.end.tunnel.protection}",)

    def profile(self, terms: Terms) -> Profile:
        return next(one for one in self.book.config.profiles if one.name == terms.profile)


def check(network: Network) -> Iterator[Found]:
    """Yield where the two ends of a tunnel would not agree on its protection."""
    for culprit, other in network.differing(lambda end: bool(end.tunnel.protection)):
        protected = other if other.tunnel.protection else culprit
        what = (
            f"{protected.device.hostname}'s {protected.name} is protected, {_other(protected, culprit, other)} is not"
        )
        profile = f" tunnel protection ipsec profile {other.tunnel.protection}"
        line = profile if other.tunnel.protection else " no tunnel protection ipsec profile"
        related = ((other.device, other.line("tunnel protection")),)
        at = culprit.line("tunnel protection")
        yield found(ONE_SIDED, culprit.device, at, what, f"{culprit.at[0]}\n{line}", related=related)
    for culprit, other in network.differing(_pfs):
        what = (
            f"{_group(culprit)} here, {_group(other)} at {other.device.hostname}: the first renewal of SAs is refused"
        )
        at = (f"crypto ipsec profile {culprit.tunnel.protection}", "set pfs")
        theirs = (f"crypto ipsec profile {other.tunnel.protection}", "set pfs")
        group = _pfs(other)
        fix = f"{at[0]}\n {f'set pfs group{group}' if group else 'no set pfs'}"
        yield found(PFS, culprit.device, at, what, fix, related=((other.device, theirs),))
    for end in network.ends:
        yield from _names(end)
    yield from _lonely(network)
    for pair in network.pairs:
        here, there = _side(pair.here), _side(pair.there)
        if here is not None and there is not None:
            yield from _algorithms(here, there)
            yield from _modes(here, there)
            yield from _proofs(here, there)


def _lonely(network: Network) -> Iterator[Found]:
    """Yield of each server's clients that go directly: who has no key for another one."""
    for server in network.servers:
        near = [end for end in network.clients(server) if end.multipoint and _goes_directly(server, end)]
        sides = [side for side in map(_side, near) if side is not None]
        for here in sides:
            lacking = [there for there in sides if there is not here and _has_no_key(here, there)]
            hub = _side(server)
            if not lacking or (hub is not None and _has_no_key(here, hub)):
                continue  # that is an error of its own
            others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            first = lacking[0]
            at = next(
                ((f"crypto ikev2 keyring {ring.name}",) for ring in here.end.device.ikev2.keyrings), here.profile_line
            )
            what = f"there is no key for {first.name} ({first.address}){others}: what is for it stays on the hub"
            yield found(PAIR, here.end.device, at, what, related=((first.end.device, first.profile_line),))


def _goes_directly(server: End, client: End) -> bool:
    """Return whether clients go directly: phase 3, or phase 2."""
    return client.nhrp.shortcut or not server.nhrp.redirect


def _has_no_key(here: _Side, there: _Side) -> bool:
    terms = here.book.to(here.policy, there.address)
    return isinstance(terms, Reason) and terms.code in (IkeReason.NO_KEY, IkeReason.NO_WAY)


def _names(end: End) -> Iterator[Found]:
    side = _side(end) if end.nhrp.bind_identity else None
    for keyring, peer in side.book.nameless(side.policy) if side is not None else ():
        written = any(one.name == keyring for one in end.device.ikev2.keyrings)
        at = (f"crypto ikev2 keyring {keyring}", f"peer {peer}", "address") if written else ("crypto isakmp key",)
        what = f"{end.name} binds addresses to identities, and the key of peer {peer} proves no name"
        related = ((end.device, end.line(f"{end.words} bind identity")),)
        yield found(NAMELESS, end.device, at, what, related=related)


def _other(end: End, one: End, other: End) -> str:
    rest = other if end is one else one
    return f"{rest.device.hostname}'s {rest.name}"


def _pfs(end: End) -> int | None:
    if not end.tunnel.protection:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.source) if end.source is not None else None
    return policy.pfs_group if policy is not None and not isinstance(policy, Reason) else None


def _group(end: End) -> str:
    group = _pfs(end)
    return f"group {group} for perfect forward secrecy" if group else "no perfect forward secrecy"


def _side(end: End) -> _Side | None:
    """Return the side; None: the end is not protected, or not in a way that can work at all; other rules say so."""
    if not end.tunnel.protection or end.source is None:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.source)
    if isinstance(policy, Reason):
        return None
    return _Side(end, end.source, policy, ConfigurationBook(end.device.ikev2, (policy,)))


# ------------------------------------------------------------------------------------------------ algorithms


def _algorithms(here: _Side, there: _Side) -> Iterator[Found]:
    ours, theirs = here.book.suites(here.path(there)), there.book.suites(there.path(here))
    sound = not (_has_dangling_proposal(here) or _has_dangling_proposal(there))
    if sound and not any(suite in theirs for suite in ours):
        why = mismatch(ours, ike_offer(theirs), ProtocolId.IKE)
        at = _proposal_line(here)
        related = ((there.end.device, _proposal_line(there)),)
        yield found(
            PROPOSALS,
            here.end.device,
            at,
            f"no IKE proposal in common with {there.name}: {_words(why, there)}",
            related=related,
        )
    mine, other = esp_suites(here.policy.transforms), esp_suites(there.policy.transforms)
    if not any(suite in other for suite in mine):
        why = mismatch(mine, esp_offer(other, b"\0\0\1\0"), ProtocolId.ESP)
        at = (*here.profile_line, "set transform-set")
        related = ((there.end.device, (*there.profile_line, "set transform-set")),)
        yield found(
            TRANSFORMS,
            here.end.device,
            at,
            f"no transform in common with {there.name}: {_words(why, there)}",
            related=related,
        )


def _has_dangling_proposal(side: _Side) -> bool:
    """Return whether a proposal is not there: then the defaults are offered, and that is told by the rule about it."""
    config = side.end.device.ikev2
    known = {proposal.name for proposal in config.proposals}
    return any(name not in known for policy in config.policies for name in policy.proposals)


def _words(why: Reason, there: _Side) -> str:
    match why:
        case Reason(IkeReason.MISMATCH, (kind, ours, theirs)):
            return f"{kind}: ours {ours}; {there.name} {theirs}"
        case _:
            return str(why)


def _proposal_line(side: _Side) -> tuple[str, ...]:
    config = side.end.device.ikev2
    for policy in config.policies:
        for name in policy.proposals:
            return (f"crypto ikev2 proposal {name}",)
    if config.isakmp.policies:
        return (f"crypto isakmp policy {config.isakmp.policies[0].number}",)
    return side.profile_line


def _modes(here: _Side, there: _Side) -> Iterator[Found]:
    if here.policy.transport == there.policy.transport:
        return
    tunnel, transport = (there, here) if here.policy.transport else (here, there)
    strict = not transport.policy.may_tunnel
    names = next(
        (p.transform_sets for p in tunnel.end.device.ipsec.profiles if p.name == tunnel.end.tunnel.protection), ()
    )
    at = (f"crypto ipsec transform-set {names[0]}",) if names else tunnel.profile_line
    result = "which takes nothing else" if strict else "so both use tunnel mode"
    what = f"tunnel mode here, transport mode at {transport.name}, {result}"
    severity = Severity.ERROR if strict else None
    related = ((transport.end.device, transport.profile_line),)
    yield found(MODE, tunnel.end.device, at, what, f"{at[0]}\n mode transport", related=related, severity=severity)


# ------------------------------------------------------------------------------------------------ proofs


def _proofs(here: _Side, there: _Side) -> Iterator[Found]:
    """Yield proofs, the client first: it begins. Certificates are not in a configuration, so only keys are compared."""
    ours = here.book.to(here.policy, there.address)
    if isinstance(ours, Reason):
        yield from _no_terms(here, there, ours)
        return
    theirs = there.book.terms(there.path(here), ours.identity, None)
    if isinstance(theirs, Reason):
        if theirs.code is IkeReason.NO_MATCH:
            at = _profile_of(there)
            what = f"no IKE profile here is for {here.name}, who says he is {here.address}"
            related = ((here.end.device, here.profile_line),)
            if _says_address(here, ours):
                yield found(NO_PROFILE, there.end.device, at, what, related=related)
        else:
            yield from _no_terms(there, here, theirs)
        return
    mine, other = here.profile(ours), there.profile(theirs)
    for one, its, far, of_far in ((here, mine, there, other), (there, other, here, mine)):
        if its.local_authentication is not None and its.local_authentication not in of_far.remote_authentication:
            accepted = ", ".join(method.value for method in of_far.remote_authentication) or "nothing"
            what = f"{one.name} proves itself by {its.local_authentication.value}, and this profile accepts {accepted}"
            at = (*_ike_line(far, of_far), "authentication remote")
            fix = f"{_ike_line(far, of_far)[0]}\n authentication remote {its.local_authentication.value}"
            yield found(METHOD, far.end.device, at, what, fix, related=((one.end.device, _ike_line(one, its)),))
            return
    yield from _keys(here, ours, there, theirs)


def _keys(here: _Side, ours: Terms, there: _Side, theirs: Terms) -> Iterator[Found]:
    differing = []
    for sender, its, receiver, of_receiver in ((here, ours, there, theirs), (there, theirs, here, ours)):
        if its.secret is None:
            continue
        expected = receiver.book.expectation(of_receiver, receiver.path(sender), its.identity)
        if isinstance(expected, Reason):
            yield from _no_terms(receiver, sender, expected)
            return
        if its.secret not in expected.secrets:
            differing.append(f"what {sender.name} signs with is not what {receiver.name} checks with")
    if differing:
        profile = here.profile(ours)
        related = ((there.end.device, _key_line(there, there.profile(theirs))),)
        yield found(KEY, here.end.device, _key_line(here, profile), "; ".join(differing), related=related)


def _no_terms(here: _Side, there: _Side, why: Reason) -> Iterator[Found]:
    """Yield why the book refused: because there is no key, or for what the rules about one configuration say."""
    if why.code not in (IkeReason.NO_KEY, IkeReason.NO_WAY):
        return
    profiles = here.end.device.ikev2.profiles
    keyrings = {keyring.name for keyring in here.book.config.keyrings}
    if any(one.keyring and one.keyring not in keyrings for one in profiles):
        return
    name = here.policy.ikev2_profile
    profile = next((one for one in profiles if one.name == name), profiles[0] if len(profiles) == 1 else None)
    if profile is not None and not _uses_keyring(profile):
        return
    at = _key_line(here, profile) if profile is not None else here.profile_line
    fix = (
        f"{at[0]}\n peer {there.name}\n  address {there.address}\n  pre-shared-key SECRET"
        if profile is not None
        else ""
    )
    what = f"there is no key for {there.name} ({there.address})"
    yield found(NO_KEY, here.end.device, at, what, fix, related=((there.end.device, there.profile_line),))


def _uses_keyring(profile: Profile) -> bool:
    methods = (profile.local_authentication, *profile.remote_authentication)
    return bool(profile.keyring) and Authentication.PRE_SHARED_KEY in methods


def _says_address(side: _Side, terms: Terms) -> bool:
    identity = side.profile(terms).local_identity
    return identity is None or identity.address is not None


def _profile_of(side: _Side) -> tuple[str, ...]:
    name = side.policy.ikev2_profile
    return (f"crypto ikev2 profile {name}", "match identity") if name else side.profile_line


def _ike_line(side: _Side, profile: Profile) -> tuple[str, ...]:
    known = any(one.name == profile.name for one in side.end.device.ikev2.profiles)
    return (f"crypto ikev2 profile {profile.name}",) if known else ("crypto isakmp key",)


def _key_line(side: _Side, profile: Profile) -> tuple[str, ...]:
    if any(one.name == profile.keyring for one in side.end.device.ikev2.keyrings):
        return (f"crypto ikev2 keyring {profile.keyring}",)
    return _ike_line(side, profile)
