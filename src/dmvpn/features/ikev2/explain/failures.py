"""Why a negotiation came to nothing: what stands in `%IKEV2-3-NEG_ABORT`, in debugs, and as reason of a session."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import Group, Kind

_PROFILES = "show crypto ikev2 profile"
_BOTH_LOGS = "show logging (on both ends)"
_TRUST = "show crypto pki trustpoints status"


def _failures(title: str, next: str, clause: str, *explanations: Word) -> Group:
    return Group(
        title=f"why IKE failed: {title}",
        kind=Kind.REASON,
        screens=("show logging", "debug crypto ikev2", "show crypto session detail", "show dmvpn detail"),
        explanations=explanations,
        rank=36,
        next=next,
        clause=clause,
        lines=True,
        sighting=r"(?:due to ERROR: |SA ID = \d+\):|Crypto tunnel is down: )(.+?)(?: \(peer \S+\))?$",
    )


_ALGORITHMS = _failures(
    "algorithms",
    "show crypto ikev2 proposal, show crypto ipsec transform-set (on both ends)",
    "RFC 7296 §2.7",
    Word(
        "<kind>: ours <algorithms>; the peer's <algorithms>",
        "Both ends have proposals, and on this kind of algorithm no two agree. One line at either end fixes it.",
    ),
    Word(
        "no combination of algorithms is in both lists",
        "Each kind has something in common, but never all in one proposal: the lists are paired differently.",
    ),
    Word(
        "mode: ours transport; the peer's tunnel",
        "One end has `mode transport require`, the other insists on tunnel mode.",
        clause="RFC 7296 §1.3.1",
    ),
    Word(
        "perfect forward secrecy: ours group <number>",
        "Our profile has `set pfs` with this group, and the peer sent a key of another group, or none.",
        next="show crypto ipsec profile",
        clause="RFC 7296 §1.3.1",
    ),
    Word(
        "perfect forward secrecy: the peer sends no key of our group",
        "We asked with `set pfs` and the peer answered without.",
        next="show crypto ipsec profile",
        clause="RFC 7296 §1.3.1",
    ),
    Word(
        "the peer answers <notification> to our first message; we offer <algorithms>",
        "The peer wants none of our IKE proposals; its own log knows what it wants.",
    ),
    Word(
        "the peer chose what we did not offer: <why>",
        "The answer has algorithms that were not in the question; a fault of the peer.",
    ),
    Word(
        "the IKE SA is not replaced: <why>",
        "The peer wanted to renew the IKE SA and its proposals fit no more: somebody changed them meanwhile.",
        clause="RFC 7296 §2.8",
    ),
)

_IDENTITIES = _failures(
    "identities and keys",
    _PROFILES,
    "RFC 7296 §2.15",
    Word(
        "pre-shared key: <peer> has another one than profile <name>",
        "The proof was made with another key. Look for "
        "blanks at the end, and for an entry of the keyring that fits the address better.",
        next="show running-config (crypto ikev2 keyring, on both ends)",
    ),
    Word(
        "no ikev2 profile of a protected tunnel matches the identity <identity>",
        "The peer says who it is, and no `match identity remote` fits that.",
    ),
    Word(
        "ipsec profile <name> names no ikev2 profile, and there is not exactly one",
        "`set ikev2-profile` is missing and which one is meant cannot be guessed.",
        next="show crypto ipsec profile",
    ),
    Word(
        "no tunnel from <address> to <address> is protected",
        "IKE came for addresses that no `tunnel protection` is for.",
        next="show crypto sockets",
    ),
    Word("ikev2 profile <name> is gone", "The profile was deleted while it was in use."),
    Word(
        "ikev2 profile <name> does not match the identity <identity>",
        "The tunnel's own profile is not for a peer with this identity: `match identity remote`.",
    ),
    Word(
        "ikev2 profile <name>: no way to authenticate <identity>",
        "`authentication remote` is missing, or is of another kind than what the peer can do.",
    ),
    Word(
        "no certificate map of ikev2 profile <name> means the certificate of <identity>",
        "`match certificate` names maps, and no rule of theirs fits the peer's certificate.",
        next="show crypto pki certificates",
    ),
    Word(
        "ipsec profile <name> names the <kind> profile <name>: <why>",
        "What the IPsec profile leads to cannot be used.",
        next="show crypto ipsec profile",
    ),
    Word(
        "ikev2 profile <name>: keyring <name> has no key for <peer>",
        "No `peer` of the keyring has an address or identity that fits.",
    ),
    Word(
        "ikev2 profile <name>: authentication local <method>, which this router cannot do",
        "Only pre-shared keys, RSA and ECDSA signatures are built.",
    ),
    Word(
        "ikev2 profile <name>: authentication local <method>, and no pki trustpoint to sign with",
        "`pki trustpoint` is missing in the profile, or has no certificate and key.",
        next=_TRUST,
    ),
    Word(
        "ikev2 profile <name>: no trustpoint with the certificate of an authority",
        "Nobody can be believed without an authority.",
        next=_TRUST,
    ),
    Word("ikev2 profile <name>: <why>", "The profile cannot be used; what follows says why."),
    Word(
        "certificate of <identity> is not believed: <why>",
        "It has expired, is revoked, or leads to no authority of ours.",
        next="show crypto pki certificates",
        clause="RFC 5280 §6.1",
    ),
    Word(
        "the peer's IKE_AUTH has no identity",
        "Nothing can be proved for nobody; a fault of the peer.",
        clause="RFC 7296 §1.2",
    ),
    Word(
        "the peer's answer to IKE_AUTH has no identity",
        "The same of an answer: whom we reached is not said, so no proof of it can be checked.",
        clause="RFC 7296 §1.2",
    ),
    Word(
        "the peer refuses us: <notification>",
        "The peer did not accept our proof, or our identity; its own log says why.",
        next="on the peer: show logging",
        clause="RFC 7296 §2.21.2",
    ),
    Word(
        "the peer did not prove itself in time",
        "The peer began and never sent IKE_AUTH.",
        next="debug crypto ikev2 packet",
    ),
    Word(
        "<identity> proves itself by a certificate, which profile <name> does not accept",
        "The peer signs, and `authentication remote` asks for a pre-shared key.",
    ),
    Word(
        "<identity> proves itself by <method>, which profile <name> does not accept",
        "`authentication remote` asks for another kind of proof than the peer gave.",
    ),
    Word(
        "<identity> did not prove itself: no AUTH payload",
        "The peer wants EAP, which this router has not, or its message is broken.",
        clause="RFC 7296 §2.16",
    ),
    Word(
        "<identity> does not hold the private key of its certificate",
        "The signature does not fit the certificate: another key, or somebody who copied the certificate.",
        next="show crypto pki certificates",
    ),
    Word(
        "<identity>: its key is not for authentication remote as profile <name> has it",
        "The certificate has an RSA key and the profile asks for ECDSA, or the other way round.",
        next="show crypto pki certificates",
    ),
    Word(
        "the peer says <notification>",
        "The peer let the SA go with this error instead of a Delete.",
        next="on the peer: show logging",
        clause="RFC 7296 §2.21.2",
    ),
)

_CHILDREN = _failures(
    "IPsec SAs",
    "show crypto ipsec sa, show crypto ikev2 sa detailed",
    "RFC 7296 §1.3",
    Word("no child SA: <why>", "The IKE SA is up and the pair of IPsec SAs failed."),
    Word("no child SA for <identity>: <why>", "The peer proved itself, and the pair of IPsec SAs failed."),
    Word(
        "the child SA could not be replaced: <why>",
        "The pair of SAs could not be renewed and ends with its lifetime.",
        clause="RFC 7296 §2.8",
    ),
    Word(
        "traffic selectors: ours <selectors>; the peer's <selectors>",
        "The ends disagree on which packets the SA is for: GRE (47) between the two NBMA addresses here.",
        clause="RFC 7296 §2.9",
    ),
    Word(
        "the peer's traffic selectors are wider than what we asked for",
        "An answer may narrow the selectors, never widen them.",
        clause="RFC 7296 §2.9",
    ),
    Word(
        "a child SA was asked for without proposals",
        "The peer asked for SAs and named no algorithms; a fault of the peer.",
    ),
    Word(
        "a child SA was asked for without proposals or traffic selectors", "The first child SA lacks what it must have."
    ),
    Word("the answer lacks the SA or the traffic selectors", "The peer said yes and did not say to what."),
    Word("the answer has no nonce", "Each new SA needs a fresh number of both ends.", clause="RFC 7296 §2.10"),
    Word(
        "the peer's SPI is none: <octets>",
        "The number by which we should send is missing or reserved.",
        clause="RFC 4303 §2.1",
    ),
    Word("the peer has <number> child SAs already", "The peer makes SAs without end; no more are made."),
    Word(
        "the peer wants to replace an SA that is not there",
        "It was deleted on this side already.",
        clause="RFC 7296 §2.25",
    ),
    Word(
        "the peer wants to replace an SA that we delete",
        "Both acted at once; the Delete wins.",
        clause="RFC 7296 §2.25.1",
    ),
    Word(
        "an exchange of ours is on its way", "Both began at once; the peer is to try again.", clause="RFC 7296 §2.25.2"
    ),
    Word("the IKE SA is being replaced", "Child SAs wait until the new IKE SA is there.", clause="RFC 7296 §2.25.2"),
    Word("the peer answers error <number>", "The peer refused with an error that has no name here."),
    Word("the peer answers <notification>", "The peer refused the child SA; the notification says what for."),
    Word(
        "the peer accepts none of our transforms (<offer>), or not our mode",
        "The peer answered NO_PROPOSAL_CHOSEN to the child SA: the transform sets or their modes differ.",
        next="show crypto ipsec transform-set (on both ends)",
        clause="RFC 7296 §2.7",
    ),
    Word(
        "the peer does not protect <selectors> - <selectors>",
        "The peer answered TS_UNACCEPTABLE: it wants no SA for these packets. Its tunnel has another source, or no "
        "protection.",
        clause="RFC 7296 §2.9",
    ),
    Word(
        "the peer does not know it any more",
        "The peer has lost the child SA; a new one is made.",
        clause="RFC 7296 §2.25",
    ),
)

_LIVES = _failures(
    "the exchange itself",
    "show crypto ikev2 sa",
    "RFC 7296 §2.1",
    Word(
        "no answer to <exchange>, sent <number> times to <address>",
        "Nothing came back. UDP 500 or 4500 is filtered, the peer is dead, or large messages are lost on the way "
        "(fragments).",
        next="ping (the peer's NBMA address), then debug crypto ikev2 packet",
    ),
    Word(
        "the peer has deleted it",
        "The peer ended the SA in an orderly way.",
        next="on the peer: show logging",
        clause="RFC 7296 §1.4.1",
    ),
    Word("there is another IKE SA", "A second SA with the same peer exists; one is enough."),
    Word("the peer has begun", "Both began at once and the peer's attempt goes on."),
    Word("the peer has another one", "The peer uses a newer SA; this one is left over."),
    Word(
        "the IKE SA could not be replaced: <why>",
        "The IKE SA could not be renewed and ends with its lifetime.",
        clause="RFC 7296 §2.8",
    ),
    Word(
        "the peer's key exchange is not legal: <error>",
        "The peer's public value is none of its group, as of an attacker.",
        clause="RFC 6989",
    ),
    Word(
        "the peer sent what cannot be read: <error>",
        "A message opened, and broke the standard.",
        next="debug crypto ikev2 packet",
        clause="RFC 7296 §2.21",
    ),
    Word(
        "the peer sent what cannot be read",
        "The SA ends because the peer's messages cannot be relied on.",
        next="debug crypto ikev2 packet",
        clause="RFC 7296 §2.21.3",
    ),
    Word(
        "the peer answers INVALID_SYNTAX to <exchange>",
        "The peer could not read a message of ours and let the SA go.",
        next=_BOTH_LOGS,
        clause="RFC 7296 §2.21.3",
    ),
    Word(
        "a message for an IKE SA that is not",
        "One of the two ends restarted; the peer is told INVALID_IKE_SPI.",
        clause="RFC 7296 §2.21.4",
    ),
    Word(
        "an IKE_SA_INIT that lacks what it must have",
        "The first message has no proposals, key or nonce.",
        clause="RFC 7296 §1.2",
    ),
    Word("there are <number> IKE SAs: no more are wanted", "The table is full.", next="show crypto ikev2 stats"),
    Word(
        "too many peers begin at once",
        "More half-open SAs than a cookie can hold off: load, or an attack.",
        next="show crypto ikev2 stats",
        clause="RFC 7296 §2.6",
    ),
)

GROUPS: Final = (_ALGORITHMS, _IDENTITIES, _CHILDREN, _LIVES)
