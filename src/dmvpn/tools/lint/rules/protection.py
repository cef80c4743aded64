"""Rules about IPsec between the two ends of a tunnel: would IKE come to an end, and would what it agrees on last?

Nothing is negotiated here a second time: the peer settings of IKE say which profile, key and algorithms each end would
use with the other, and IKE's own comparison says what does not fit.
The ends prove to each other who they are by methods, profiles, keys and names (`proofs`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from dmvpn.base.addresses import IPAddress
from dmvpn.base.findings import Severity, rule
from dmvpn.base.pages import NONE
from dmvpn.base.reasons import Reason
from dmvpn.base.terms import Likeness
from dmvpn.features.ike.model import AuthenticationMethod, Profile
from dmvpn.features.ike.peer_settings import Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ipsec.config.profiles import ISAKMP_PROFILE
from dmvpn.ios.hidden_secrets import compare
from dmvpn.network.lines import indented
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.network.terms.ike import IDENTITY, IKE, METHOD, PROPOSALS, Side, side_of
from dmvpn.network.terms.preshared_keys import key_lines
from dmvpn.network.terms.protocols import IPSEC, PROTECTED, PROTECTION
from dmvpn.tools.lint.found import NetworkConcern, differences, found

Needed: TypeAlias = dict[tuple[str, str], dict[IPAddress, None]]


# ---------------------------------------------------------------------------------- how the two ends prove who they are


#: There is no key at all for the peer.
_WITHOUT_KEY: Final = (
    IkeReason.NO_KEY,
    IkeReason.NO_KEY_LINE,
    IkeReason.NO_KEY_IN_VRF,
    IkeReason.UNNAMED_PROFILE,
    IkeReason.NO_WAY,
)

KEY: Final = rule(Severity.ERROR)(r"""
    ike-key-differs: The pre-shared keys of the two ends differ
    The key with which one end signs (its local key) has to be the key with which the other one checks (its remote key
    for that peer). IKE_AUTH ends with AUTHENTICATION_FAILED (RFC 7296 §2.15).
    bad: crypto ikev2 keyring K\n peer HUB\n  pre-shared-key OTHER
    fix: crypto ikev2 keyring K\n peer HUB\n  pre-shared-key <secret>
    """)
NO_KEY: Final = rule(Severity.ERROR)(r"""
    ike-key-missing: There is no key for a peer
    The key is looked up by the peer's identity, then by its address. If no entry of the keyring holds it, this router
    cannot prove itself to the peer, or cannot check it.
    bad: crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.9
    fix: crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.1
    """)
NAMELESS: Final = rule(Severity.WARNING)(r"""
    ike-name-not-proved: Addresses are bound to names that a key found by address does not prove
    `ip nhrp bind identity` binds an address to the IKE identity that registered it. A pre-shared key for a range of
    addresses belongs to all peers there, and each of them may claim any name that no keyring entry has. Give each peer
    an entry with its identity, or use certificates.
    bad: crypto ikev2 keyring K\n peer SPOKES\n  address 203.0.113.0 255.255.255.0
    fix: crypto ikev2 keyring K\n peer SPOKE1\n  identity fqdn spoke1.example\n  pre-shared-key <secret>
    """)
PAIR: Final = rule(Severity.WARNING)(r"""
    ike-key-of-a-pair: Spokes that are to go directly, and a key that one of them shares with the hub alone
    Two spokes negotiate SAs of their own before they send to each other. A key for the hub's address alone is no key
    for another spoke, so traffic between them stays on the hub. Certificates, or a key for the addresses of all spokes,
    allow direct tunnels.
    bad: crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.1\n  pre-shared-key SECRET
    fix: crypto ikev2 keyring K\n peer SPOKES\n  address 203.0.113.0 255.255.255.0\n  pre-shared-key <secret>
    """)


def lonely(network: Network) -> Iterator[NetworkConcern]:
    """Yield clients of a server that send directly to other clients and have no key for them."""
    for server in network.servers:
        # Clients go directly in phase 3, and in phase 2.
        direct = [end for end in network.clients(server) if end.nhrp.shortcut or not server.nhrp.redirect]
        near = [end for end in direct if end.multipoint]
        sides, hub = [side for side in map(side_of, near) if side is not None], side_of(server)
        without: dict[Hashable, dict[Side, None]] = {}
        for here in sides:
            if (known := _key_lookup(here)) not in without:
                without[known] = {there: None for there in sides if _has_no_key(here, there)}
            lacking = without[known]
            first = next((there for there in lacking if there is not here), None)
            if first is None or (hub is not None and _has_no_key(here, hub)):
                continue  # that is an error of its own
            count = len(lacking) - (here in lacking)
            others = f" and {count - 1} more" if count > 1 else ""
            at = next(
                ((f"crypto ikev2 keyring {ring.name}",) for ring in here.end.device.ikev2.keyrings), here.profile_line
            )
            what = f"there is no key for {first.name} ({first.seen}){others}: traffic for it stays on the hub"
            yield found(PAIR, here.end.device, at, what, related=((first.end.device, first.profile_line),))


def _key_lookup(side: Side) -> Hashable:
    """Return all that decides for which addresses an end has a key: ends in which it is equal are judged once."""
    config, policy = side.settings.config, side.policy
    rings = [
        (ring.name, ring.fvrf, one.address, one.mask, one.local_key is None, one.remote_key is None)
        for ring in config.keyrings
        for one in ring.peers
    ]
    keys = [(one.name, one.local_key is None, one.remote_key is None) for one in config.profiles]
    profiles = [replace(one, local_identity=None, local_key=None, remote_key=None) for one in config.profiles]
    isakmp = replace(config.isakmp, global_keys=NONE, keyrings=NONE, identity=None)
    is_bound = any(one.local_addresses or one.local_interfaces for one in config.profiles)
    named = policy.name, policy.ikev2_profile, policy.isakmp_profile, policy.front, policy.local if is_bound else None
    has_keys = bool(config.isakmp.global_keys), bool(config.isakmp.keyrings)
    return tuple(rings), tuple(keys), tuple(profiles), isakmp, has_keys, named


def _has_no_key(here: Side, there: Side) -> bool:
    """Return whether an end can neither begin with the other one nor, by the address that it claims, answer it."""
    every = (here.settings.to(here.policy, address) for address in dict.fromkeys((there.seen, there.address)))
    return all(isinstance(terms, Reason) and terms.code in _WITHOUT_KEY for terms in every)


def names(end: TunnelEnd) -> Iterator[NetworkConcern]:
    """Yield tunnels that bind addresses to a name that the key does not prove."""
    side = side_of(end) if end.nhrp.bind_identity else None
    for keyring, peer in side.settings.nameless(side.policy) if side is not None else ():
        written = any(one.name == keyring for one in end.device.ikev2.keyrings)
        at = (f"crypto ikev2 keyring {keyring}", f"peer {peer}", "address") if written else ("crypto isakmp key",)
        what = f"{end.name} binds addresses to identities, and the key of peer {peer} proves no name"
        related = ((end.device, end.line(f"{end.words} bind identity")),)
        yield found(NAMELESS, end.device, at, what, related=related)


def proofs(here: Side, there: Side, needed: Needed) -> Iterator[NetworkConcern]:
    """Yield proofs, the client first: it begins. Certificates are not in a configuration, so only keys are compared.

    needed: the addresses for which each router needs a key, see `needed_keys`.
    """
    if isinstance(here.terms, Reason):
        yield from _no_terms(here, there, here.terms, needed)
    elif isinstance(there.terms, Reason):
        yield from _no_terms(there, here, there.terms, needed)
    elif here.terms is not None and there.terms is not None:
        yield from _keys(here, here.terms, there, there.terms, needed)


def needed_keys(sides: Iterable[tuple[Side, Side]]) -> Needed:
    """Return the addresses for which each router needs a key, by router and VRF."""
    found: Needed = {}
    for here, there in sides:
        for mine, theirs in ((here, there), (there, here)):
            found.setdefault(_holder(mine), {})[theirs.seen] = None
    return found


def _holder(side: Side) -> tuple[str, str]:
    return side.end.device.name, side.policy.front


def _lines(here: Side, there: Side, needed: Needed, *, missing: bool) -> str:
    """Return the lines that give an end the key for the other one, the same as those of the doctor."""
    lines = key_lines(
        here.end.device,
        there.seen,
        missing=missing,
        other=there.end.device,
        front=here.policy.front,
        profile=here.policy.ikev2_profile,
        every=tuple(needed[_holder(here)]),
        routers=tuple(dict.fromkeys(address for addresses in needed.values() for address in addresses)),
        by_v1=here.by_v1,
    )
    return "\n".join(indented(lines))


def _keys(here: Side, ours: Terms, there: Side, theirs: Terms, needed: Needed) -> Iterator[NetworkConcern]:
    differing = []
    for sender, its, receiver, of_receiver in ((here, ours, there, theirs), (there, theirs, here, ours)):
        if its.secret is None:
            continue
        expected = receiver.settings.expectation(of_receiver, receiver.way, its.identity)
        if isinstance(expected, Reason):
            yield from _no_terms(receiver, sender, expected, needed)
            return
        secret = its.secret.decode("latin-1")
        if all(compare(secret, one.decode("latin-1")) is Likeness.DIFFERENT for one in expected.secrets):
            differing.append(f"what {sender.name} signs with is not what {receiver.name} checks with")
    if differing:
        related = ((there.end.device, _key_line(there, there.profile)),)
        at, fix = _key_line(here, here.profile), _lines(here, there, needed, missing=False)
        yield found(KEY, here.end.device, at, "; ".join(differing), fix, related=related)


def _no_terms(here: Side, there: Side, why: Reason, needed: Needed) -> Iterator[NetworkConcern]:
    """Yield why the settings refuse: because there is no key, or for what the rules about one configuration say."""
    if why.code not in _WITHOUT_KEY:
        return
    if why.code is IkeReason.UNNAMED_PROFILE:
        isakmp = here.end.device.ikev2.isakmp
        if {key.keyring for key in isakmp.keys} <= {profile.keyring for profile in isakmp.profiles}:
            return  # a rule about one router says so
        fix = f"{here.profile_line[0]}\n {ISAKMP_PROFILE.line(name=why.fields[0])}"
        yield found(NO_KEY, here.end.device, here.profile_line, str(why), fix)
        return
    written = here.end.device.ikev2.profiles
    keyrings = {keyring.name for keyring in here.settings.config.keyrings}
    if any(one.keyring and one.keyring not in keyrings for one in written):
        return
    name = here.policy.ikev2_profile
    profile = next((one for one in written if one.name == name), written[0] if len(written) == 1 else None)
    if profile is not None:
        methods = (profile.local_authentication, *profile.remote_authentication)
        if not profile.keyring or AuthenticationMethod.PRE_SHARED_KEY not in methods:
            return
    at = _key_line(here, profile) if profile is not None else here.profile_line
    fix = _lines(here, there, needed, missing=True)
    what = f"there is no key for {there.name} ({there.seen})"
    yield found(NO_KEY, here.end.device, at, what, fix, related=((there.end.device, there.profile_line),))


def _key_line(side: Side, profile: Profile | None) -> tuple[str, ...]:
    config = side.end.device.ikev2
    if profile is not None and any(one.name == profile.keyring for one in config.keyrings):
        return (f"crypto ikev2 keyring {profile.keyring}",)
    if profile is not None and any(one.name == profile.name for one in config.profiles):
        return (f"crypto ikev2 profile {profile.name}",)
    return ("crypto isakmp key",)


# ------------------------------------------------------------------------------------------------ agreement


RULES: Final = (
    *(PROTECTED.rule, PROPOSALS.rule, KEY, NO_KEY, IDENTITY.rule, METHOD.rule),
    *(term.rule for term in IPSEC.terms),
    *(NAMELESS, PAIR),
)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose two ends would not agree on their protection."""
    yield from differences(network, PROTECTION)
    yield from differences(network, IPSEC)
    for end in network.ends:
        yield from names(end)
    yield from lonely(network)
    yield from differences(network, IKE)
    views = ((pair, *IKE.views(pair)) for pair in network.pairs)
    pairs = [(pair, here, there) for pair, here, there in views if here is not None and there is not None]
    needed = needed_keys((here, there) for _, here, there in pairs)
    for pair, here, there in pairs:
        if not any(IKE.failures(pair)):
            yield from proofs(here, there, needed)
