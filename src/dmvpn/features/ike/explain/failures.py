"""Why a negotiation failed: the reasons in `%IKEV2-3-NEG_ABORT`, in debugs, and of a session."""

from typing import Final

from dmvpn.base.explanations import WordKind, words
from dmvpn.features.ike.reasons import IkeReason

#: What comes before a reason in the lines of logs and debugs.
_BEFORE: Final = (
    *("due to ERROR: ", r"failed with peer at \S+: ", "or is malformed: ", "while disabled: "),
    *("Crypto tunnel is down: ", "Crypto tunnel is cut: ", r"SA ID = \d+\):"),
    *(r"ISAKMP:\(\d+\):", 'deleting SA reason "'),
)
_SAID: Final = rf"(?:{'|'.join(_BEFORE)})(.+?)(?:\" state \S+ \S+)?(?: \(peer \S+\))?$"

GROUPS: Final = words(WordKind.REASON, IkeReason, rank=36, sighting=_SAID)("""
    ## why IKE failed: algorithms :: show logging, debug crypto ikev2, show crypto session detail, show dmvpn detail
        [RFC 7296 §2.7]
        next: show crypto ikev2 proposal, show crypto ipsec transform-set (on both ends)
    MISMATCH :: Both ends have proposals, and on this kind of algorithm no two agree. One line at either end fixes it.
    NO_COMBINATION :: Each kind has something in common, but never all in one proposal: the lists are paired
        differently.
    AUTHENTICATION :: IKEv1 agrees on how both ends authenticate, and each end wants another way: a pre-shared key, or
        signatures.
        next: show crypto isakmp policy (on both ends)
    ENCAPSULATION :: IKEv1 agrees on tunnel or transport mode, and on UDP if a NAT is between; the two ends want
        different modes.
        next: show crypto ipsec transform-set (on both ends)
    MODE :: One end has `mode transport require`, the other insists on tunnel mode.
    GROUP :: Our profile has `set pfs` with this group, and the peer sent a key of another group, or none.
        next: show crypto ipsec profile
    NO_KEY_OF_GROUP :: We asked with `set pfs` and the peer answered without. next: show crypto ipsec profile
    INIT_REFUSED :: The peer wants none of our IKE proposals; its own log knows what it wants.
    NOT_OFFERED :: The answer has algorithms that were not in the question; a fault of the peer.
    IKE_NOT_REPLACED :: The peer wanted to rekey the IKE SA, and its proposals no longer match: a configuration changed
        meanwhile.

    ## why IKE failed: identities and keys :: show logging, debug crypto ikev2, show crypto session detail, show dmvpn
        detail [RFC 7296 §2.15]
        next: show crypto ikev2 profile
    OTHER_KEY :: The proof was made with another key. Look for blanks at the end, and for an entry of the keyring that
        fits the address better.
        next: show running-config (crypto ikev2 keyring, on both ends)
    NO_MATCH :: The peer says who it is, and no `match identity remote` fits that.
    OTHER_FVRF :: The peer came in by another VRF than the profile is for. Without `match fvrf` a profile is for the
        global table only.
    NO_PROFILE :: `set ikev2-profile` is missing and which one is meant cannot be guessed.
        next: show crypto ipsec profile
    NO_ISAKMP_POLICY :: All policies name weak algorithms; the reason has the line that permits some. DES and group 1
        are never used.
        next: show crypto isakmp policy
    NOT_PROTECTED :: IKE came for addresses that no `tunnel protection` is for. next: show crypto sockets
    PROFILE_GONE :: The profile was deleted while it was in use.
    OTHER_IDENTITY :: The tunnel's own profile is not for a peer with this identity: `match identity remote`.
    NO_WAY :: `authentication remote` is missing, or is of another kind than what the peer can do.
    NO_MAP :: `match certificate` names maps, and no rule of theirs fits the peer's certificate.
        next: show crypto pki certificates
    PROFILE_MISSING :: What the IPsec profile leads to cannot be used. next: show crypto ipsec profile
    NO_KEY :: No `peer` of the keyring has an address or identity that fits.
    NO_KEY_LINE :: IKEv1 looks a key up by the address of the peer, as its packets show it. next: show running-config
    UNNAMED_PROFILE :: The keyring of an isakmp profile is for the tunnels whose IPsec profile names that profile by
        `set isakmp-profile`.
        next: show crypto ipsec profile
    NO_KEY_IN_VRF :: `crypto isakmp key` and keyrings without `vrf` are for peers in the global table. Two peers in two
        VRFs may have one address, and must not have one key by that.
        next: show running-config (crypto keyring)
    UNABLE :: Only pre-shared keys, RSA and ECDSA signatures are built.
    NO_TRUSTPOINT :: `pki trustpoint` is missing in the profile. A `crypto isakmp policy` without `authentication
        pre-share` wants a certificate, too.
        next: show crypto pki trustpoints status
    NO_CERTIFICATE :: The certificate, or the private key to it, was not imported.
        next: show crypto pki trustpoints status
    OTHER_KIND_OF_KEY :: The certificate has an ECDSA key where RSA is wanted, or the reverse.
        next: show crypto pki trustpoints status
    NO_AUTHORITY :: No certificate can be verified without an authority. next: show crypto pki trustpoints status
    NAMED_ELSEWHERE :: The peer claims a name that another keyring has a key for, and it does not use that key. Perhaps
        two peers have one name, or an attacker claims it.
        next: show running-config
    NAMELESS :: The profile demands that keys prove names, and this key is for all peers at an address.
        next: show running-config
    ikev2 profile <name>: <why> :: The profile cannot be used; what follows says why.
    NOT_BELIEVED :: It has expired, is revoked, or leads to no authority of ours. next: show crypto pki certificates
    NO_IDENTITY :: Without an identity there is nothing to prove; a fault of the peer.
    ANSWER_WITHOUT_IDENTITY :: The same of an answer: whom we reached is not said, so no proof of it can be checked.
    REFUSED :: The peer did not accept our proof, or our identity; its own log says why. next: on the peer: show logging
    SILENT_PROOF :: The peer answered until message 4, and not the encrypted message 5: with another pre-shared key it
        cannot read it. It may also refuse our identity.
        next: on the peer: show logging
    IDENTITY_REFUSED :: No `match identity` of the peer, or no key of its keyring, is for the identity that this router
        sends.
        next: show running-config (on both ends)
    UNREADABLE_REFUSAL :: A refusal under other keys follows from another pre-shared key. It proves nothing: main mode
        goes on until its time is over.
        next: show running-config (on both ends)
    SILENT_SIGNATURE :: Peers do not always say why they refuse a signature; the log of the peer does.
        next: show crypto pki certificates (on both ends)
    UNREADABLE_PROOF :: The keys of main mode follow from the pre-shared key, so a different key makes message 5
        unreadable. The peer gets no answer.
        next: show running-config (on both ends)
    NO_KEY_FOR :: In main mode the key is found by the peer's address, and no `crypto isakmp key` or keyring covers it.
        next: show running-config
    AGGRESSIVE :: Aggressive mode sends a hash of the key before the peer has proved anything: this router never answers
        it.
        next: on the peer: no crypto isakmp peer ... set aggressive-mode
    NO_PROOF_IN_TIME :: The peer began and never sent IKE_AUTH. next: debug crypto ikev2 packet
    CERTIFICATE_REFUSED :: The peer signs, and `authentication remote` asks for a pre-shared key.
    METHOD_REFUSED :: `authentication remote` asks for another kind of proof than the peer gave.
    NO_PROOF :: The message of the peer is broken: it says who it is, and proves nothing.
    EAP :: An initiator that leaves out its proof, or a responder that asks for a login, wants EAP.
        next: on the peer: authentication by pre-shared key or certificate
    PPK :: The peer began, read that we do not mix such a key into the keys, and sent no IKE_AUTH.
        next: on the peer: make the postquantum preshared key optional
    NOT_THE_HOLDER :: The signature does not fit the certificate: another key, or an impostor with a copied certificate.
        next: show crypto pki certificates
    KEY_REFUSED :: The certificate has an RSA key and the profile asks for ECDSA, or the other way round.
        next: show crypto pki certificates
    PEER_SAYS :: The peer let the SA go with this error instead of a Delete. next: on the peer: show logging

    ## why IKE failed: IPsec SAs :: show logging, debug crypto ikev2, show crypto session detail, show dmvpn detail
        [RFC 7296 §1.3]
        next: show crypto ipsec sa, show crypto ikev2 sa detailed
    NO_CHILD :: The IKE SA is up and the pair of IPsec SAs failed.
    NO_CHILD_FOR :: The peer proved itself, and the pair of IPsec SAs failed.
    CHILD_NOT_REPLACED :: The pair of SAs could not be renewed and ends with its lifetime.
    SELECTORS :: The ends disagree on which packets the SA is for: GRE (47) between the two NBMA addresses here.
    WIDER_SELECTORS :: An answer may narrow the selectors, never widen them.
    NO_PROPOSALS :: The peer asked for SAs and named no algorithms; a fault of the peer.
    NO_SELECTORS :: The first child SA lacks what it must have.
    ANSWER_LACKS_SA :: The peer said yes and did not say to what.
    NO_IDENTITIES :: Quick mode names the packets of a pair, and both ends must name the same: GRE between both
        addresses. The access list of a crypto map may name other packets.
        next: show crypto ipsec sa (on both ends)
    WIDER_IDENTITIES :: Quick mode of IKEv1 cannot narrow selectors, so both ends must name the same packets: GRE (47)
        between both addresses. A peer with a crypto map, or with a subnet in its selectors, wants more.
        next: show crypto ipsec sa (on both ends)
    QUICK_LACKS :: The peer's message is broken: it offers nothing, or has no fresh number.
    NOT_CONFIRMED :: The peer asked for a pair of SAs and never sent the last message of quick mode.
        next: debug crypto isakmp
    NO_NONCE :: Each new SA needs a fresh number of both ends.
    NO_SPI :: The number by which we should send is missing or reserved.
    TOO_MANY_CHILDREN :: The peer makes SAs without end; no more are made.
    REPLACES_NONE :: It was deleted on this side already.
    REPLACES_DELETED :: Both acted at once; the Delete wins.
    EXCHANGE_ON_ITS_WAY :: Both began at once; the peer is to try again.
    IKE_BEING_REPLACED :: Child SAs wait until the new IKE SA is there.
    ERROR :: The peer refused with an error that has no name here.
    ANSWER :: The peer refused the child SA; the notification says what for.
    NONE_ACCEPTED :: The peer answered NO_PROPOSAL_CHOSEN to the child SA: the transform sets, their modes or `set pfs`
        differ.
        next: show crypto ipsec transform-set (on both ends)
    SELECTORS_REFUSED :: The peer answered TS_UNACCEPTABLE: it wants no SA for these packets. Its tunnel has another
        source, or no protection.
    FORGOTTEN :: The peer has lost the child SA; a new one is made.

    ## why IKE failed: the exchange itself :: show logging, debug crypto ikev2, show crypto session detail, show dmvpn
        detail [RFC 7296 §2.1]
        next: show crypto ikev2 sa
    NO_ANSWER :: Nothing came back. UDP 500 or 4500 is filtered, the peer is dead, or large messages are lost on the way
        (fragments).
        next: ping (the peer's NBMA address), then debug crypto ikev2 packet
    NO_ROUTE :: The routing table has no route to the peer's NBMA address: nothing that we send leaves.
        next: show ip route (the peer's NBMA address)
    NO_ROUTE_IN_VRF :: The tunnel's packets leave by its front door (`tunnel vrf`), and the table of that VRF has no
        route to the peer's NBMA address. Most often the default route to the provider is missing (`ip route vrf`), or
        stands in the global table.
        next: show ip route vrf (the VRF)
    DENIED_BY_LIST :: An inbound access list of this router (`ip access-group`) denies what the tunnel needs from its
        peer: UDP port 500; ESP, or UDP port 4500, which it must be if there is NAT between the ends.
        next: show ip access-lists interface (the interface) in
    DELETED :: The peer ended the SA in an orderly way. next: on the peer: show logging
    ANOTHER :: A second SA with the same peer exists; one is enough.
    PEER_BEGAN :: Both began at once and the peer's attempt goes on.
    SUPERSEDED :: The peer uses a newer SA; this one is left over.
    REKEY_FAILED :: The IKE SA could not be renewed and ends with its lifetime.
    ILLEGAL_KEY :: The peer's public value is none of its group, as of an attacker.
    ILLEGIBLE :: A message opened, and broke the standard. next: debug crypto ikev2 packet
    NOT_READ :: The SA ends because the peer's messages cannot be relied on. next: debug crypto ikev2 packet
    SYNTAX_REFUSED :: The peer could not read a message of ours and let the SA go. next: show logging (on both ends)
    UNKNOWN_SA :: One of the two ends restarted; INVALID_IKE_SPI is sent to the peer.
    INIT_LACKS :: The first message has no proposals, key or nonce.
    FULL :: The table is full. next: show crypto ikev2 stats
    TOO_MANY_ALIKE :: Ports alone distinguish peers with one identity behind one NAT address, up to this number.
        next: give the spokes identities of their own (identity local)
    TOO_MANY_BEGIN :: More half-open SAs than a cookie can hold off: load, or an attack. next: show crypto ikev2 stats

    ## why IKE failed: SAs that end in good order :: show logging, debug crypto ikev2, show crypto session detail, show
        dmvpn detail [RFC 7296 §1.4.1]
        next: show crypto ikev2 sa
    RESPONDER_ONLY :: `responder-only` is configured: this router waits until the peer begins.
        next: show crypto ipsec profile
    NO_CHILD_MADE :: The IKE SA came up, and no pair of IPsec SAs followed it.
    BARREN :: The IKE SA has had no pair of IPsec SAs for a while, and neither end asks for one.
    BOTH_BEGAN :: Both ends began at the same moment. One IKE SA is enough, and both agree on which.
    BOTH_REKEYED :: Both ends replaced an SA at the same moment. The one with the lowest nonce goes.
    REPLACED :: A new SA has taken its place.
    LIFETIME :: The SA has reached its lifetime, and no successor was agreed on in time.
    STARTED_AGAIN :: The peer said INITIAL_CONTACT: it has lost what it knew of older SAs.
    UNNEEDED :: No tunnel and no NHRP mapping needs this peer any more.
    PROFILE_CHANGED :: The IPsec profile of the tunnel is another one now, or the tunnel has none.
        next: show crypto ipsec profile
    FORBIDDEN :: A fault of the peer.
    """)
