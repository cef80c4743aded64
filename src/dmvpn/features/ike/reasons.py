"""Why IKE came to no SAs with a peer, and why SAs end."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.features.ike.numbers import TransformType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.entrances import Denial

#: Names in a list of a reason; a peer may offer any number.
_MOST_NAMES: Final = 8


@enum.unique
class IkeReason(ReasonCode):
    """Reasons in the log and in debugs, also kept for each peer with which IPsec profiles want SAs."""

    FAILED_AS_RESPONDER = "<failure>", "when it begins: <why>"
    MISMATCH = "<kind>: ours <algorithms>; the peer's <algorithms>"
    NO_COMBINATION = "no combination of algorithms is in both lists"
    AUTHENTICATION = "authentication: ours <methods>; the peer's <methods>", "", "RFC 2409 §5"
    ENCAPSULATION = "encapsulation: ours <modes>; the peer's <modes>", "", "RFC 3947 §5.1"
    MODE = "mode: ours transport; the peer's tunnel", "", "RFC 7296 §1.3.1"
    GROUP = "perfect forward secrecy: ours group <number>", "", "RFC 7296 §1.3.1"
    NO_KEY_OF_GROUP = "perfect forward secrecy: the peer sends no key of our group", "", "RFC 7296 §1.3.1"
    INIT_REFUSED = "the peer answers <notification> to our first message; we offer <algorithms>"
    NOT_OFFERED = "the peer chose what we did not offer: <why>"
    IKE_NOT_REPLACED = "the IKE SA is not replaced: <why>", "", "RFC 7296 §2.8"
    OTHER_KEY = "pre-shared key: <peer> has another one than <profile>"
    NO_MATCH = "no <kind> profile of a protected tunnel matches the identity <identity>"
    OTHER_FVRF = "<profile> matches the identity <identity>, but in another VRF: <line> is needed"
    NO_PROFILE = "ipsec profile <name> names no ikev2 profile, and there is not exactly one"
    NO_ISAKMP_POLICY = "no crypto isakmp policy can be used: <why>"
    NOT_PROTECTED = "no tunnel from <address> to <address> is protected"
    PROFILE_GONE = "<profile> is gone"
    OTHER_IDENTITY = "<profile> does not match the identity <identity>"
    NO_WAY = "<profile>: no way to authenticate <identity>"
    NO_MAP = "no certificate map of <profile> means the certificate of <identity>"
    PROFILE_MISSING = "ipsec profile <name> names the <kind> profile <name>: <why>"
    NO_KEY = "<profile>: keyring <name> has no key for <peer>"
    NO_KEY_LINE = "crypto isakmp has no key for <peer>", "", "RFC 2409 §5.4"
    UNNAMED_PROFILE = (
        "isakmp profile <name> has the key for <peer>, and ipsec profile <name> has no line set isakmp-profile"
    )
    NO_KEY_IN_VRF = "no isakmp pre-shared key for <peer> in <VRF>: <line> is needed", "", "RFC 2409 §5.4"
    NAMED_ELSEWHERE = "<profile>: <identity> is named by keyring <name>, and its key alone proves it"
    NAMELESS = "<profile>: the key for <identity> was found by address, and proves no name"
    UNABLE = "ikev2 profile <name>: authentication local <method>, which this router cannot do"
    NO_TRUSTPOINT = "<profile>: authentication by <method>, and no pki trustpoint to sign with"
    NO_CERTIFICATE = "<profile>: trustpoint <name> has no certificate of ours with its private key"
    OTHER_KIND_OF_KEY = "<profile>: the key of trustpoint <name> is not for <method>"
    NO_AUTHORITY = "<profile>: no trustpoint with the certificate of an authority"
    NOT_BELIEVED = "certificate of <identity> is not believed: <why>", "", "RFC 5280 §6.1"
    NO_IDENTITY = "the peer's IKE_AUTH has no identity", "", "RFC 7296 §1.2"
    ANSWER_WITHOUT_IDENTITY = "the peer's answer to IKE_AUTH has no identity", "", "RFC 7296 §1.2"
    PROOF_REFUSED = "the peer refuses us: authentication failed (pre-shared key, identity or certificate); see its log"
    IDENTITY_REFUSED = "the peer refuses our identity <identity>", "", "RFC 2407 §4.6.2"
    REFUSED = "the peer refuses us: <notification>", "", "RFC 7296 §2.21.2"
    NO_PROOF_IN_TIME = "the peer did not prove itself in time"
    CERTIFICATE_REFUSED = "<identity> proves itself by a certificate, which <profile> does not accept"
    METHOD_REFUSED = "<identity> proves itself by <method>, which <profile> does not accept"
    NO_PROOF = "<identity> did not prove itself: no AUTH payload", "", "RFC 7296 §2.16"
    EAP = "<identity> wants EAP, which this router cannot do", "", "RFC 7296 §2.16"
    SILENT_PROOF = "it has another pre-shared key for us, or does not accept our identity", "", "RFC 2409 §5.4"
    SILENT_SIGNATURE = "it does not believe our certificate, or does not accept our identity", "", "RFC 2409 §5.1"
    UNREADABLE_PROOF = (
        "message 5 of main mode from <peer> cannot be read: the peer has another pre-shared key for us",
        "",
        "RFC 2409 §5.4",
    )
    UNREADABLE_REFUSAL = (
        "<peer> answers message 5 of main mode by what cannot be read: it seems to have another pre-shared key for us",
        "",
        "RFC 2409 §5.4",
    )
    NO_KEY_FOR = "no isakmp pre-shared key for <peer>", "", "RFC 2409 §5.4"
    AGGRESSIVE = "the peer begins in aggressive mode, which exposes its pre-shared key to guessing; use main mode"
    NO_IDENTITIES = "the peer names no packets that we protect: ours <selectors>; the peer's <selectors>"
    WIDER_IDENTITIES = (
        "the peer wants to protect more than the tunnel: ours <selectors>; the peer's <selectors>",
        "",
        "RFC 2409 §5.5",
    )
    NOT_CONFIRMED = "the peer has not confirmed the pair of SAs", "", "RFC 2409 §5.5"
    QUICK_LACKS = "quick mode lacks an SA or a nonce", "", "RFC 2409 §5.5"
    PPK = "the peer offered USE_PPK and did not go on without a postquantum preshared key", "", "RFC 8784 §3"
    NOT_THE_HOLDER = "<identity> does not hold the private key of its certificate"
    KEY_REFUSED = "<identity>: its key is not for authentication remote as <profile> has it"
    PEER_SAYS = "the peer says <notification>", "", "RFC 7296 §2.21.2"
    NO_CHILD = "no child SA: <why>"
    NO_CHILD_FOR = "no child SA for <identity>: <why>"
    CHILD_NOT_REPLACED = "the child SA could not be replaced: <why>", "", "RFC 7296 §2.8"
    SELECTORS = "traffic selectors: ours <selectors>; the peer's <selectors>", "", "RFC 7296 §2.9"
    WIDER_SELECTORS = "the peer's traffic selectors are wider than what we asked for", "", "RFC 7296 §2.9"
    NO_PROPOSALS = "a child SA was asked for without proposals"
    NO_SELECTORS = "a child SA was asked for without proposals or traffic selectors"
    ANSWER_LACKS_SA = "the answer lacks the SA or the traffic selectors"
    NO_NONCE = "the answer has no nonce", "", "RFC 7296 §2.10"
    NO_SPI = "the peer's SPI is none: <octets>", "", "RFC 4303 §2.1"
    TOO_MANY_CHILDREN = "the peer has <number> child SAs already"
    REPLACES_NONE = "the peer wants to replace an SA that is not there", "", "RFC 7296 §2.25"
    REPLACES_DELETED = "the peer wants to replace an SA that we delete", "", "RFC 7296 §2.25.1"
    EXCHANGE_ON_ITS_WAY = "an exchange of ours is on its way", "", "RFC 7296 §2.25.2"
    IKE_BEING_REPLACED = "the IKE SA is being replaced", "", "RFC 7296 §2.25.2"
    ERROR = "the peer answers error <number>"
    ANSWER = "the peer answers <notification>"
    NONE_ACCEPTED = (
        "the peer accepts none of our transforms (<offer>), or not our mode, or wants another group for set pfs",
        "",
        "RFC 7296 §2.7",
    )
    SELECTORS_REFUSED = "the peer does not protect <selectors> - <selectors>", "", "RFC 7296 §2.9"
    FORGOTTEN = "the peer does not know it any more", "", "RFC 7296 §2.25"
    NO_ANSWER = "no answer to <exchange>, sent <number> times to <address>"
    NO_ANSWER_AND = "no answer to <exchange>, sent <number> times to <address>; <why>"
    NO_ROUTE = "there is no route to <address>"
    NO_ROUTE_IN_VRF = "there is no route to <address> in VRF <name>"
    DENIED_BY_LIST = "<entry>, inbound on <interface>, denies <packets> from <address>"
    DELETED = "the peer has deleted it", "", "RFC 7296 §1.4.1"
    ANOTHER = "there is another IKE SA"
    PEER_BEGAN = "the peer has begun"
    SUPERSEDED = "the peer has another one"
    REKEY_FAILED = "the IKE SA could not be replaced: <why>", "", "RFC 7296 §2.8"
    ILLEGAL_KEY = "the peer's key exchange is not legal: <error>", "", "RFC 6989"
    ILLEGIBLE = "the peer sent what cannot be read: <error>", "", "RFC 7296 §2.21"
    NOT_READ = "the peer sent what cannot be read", "", "RFC 7296 §2.21.3"
    SYNTAX_REFUSED = "the peer answers INVALID_SYNTAX to <exchange>", "", "RFC 7296 §2.21.3"
    UNKNOWN_SA = "a message for an IKE SA that is not", "", "RFC 7296 §2.21.4"
    INIT_LACKS = "an IKE_SA_INIT that lacks what it must have", "", "RFC 7296 §1.2"
    FULL = "there are <number> IKE SAs: no more are wanted"
    TOO_MANY_BEGIN = "too many peers begin at once", "", "RFC 7296 §2.6"
    TOO_MANY_ALIKE = "<number> peers behind its address have its identity already"
    RESPONDER_ONLY = "ipsec profile <name> is responder-only: the peer has to begin"
    NO_CHILD_MADE = "the peer made no child SA"
    BARREN = "it has no child SAs"
    BOTH_BEGAN = "both ends began at once; the other IKE SA stays"
    PROFILE_CHANGED = "its tunnel is not protected by this profile any more"
    REPLACED = "replaced"
    BOTH_REKEYED = "both ends rekeyed at once; the other new SA stays"
    FORBIDDEN = "the peer requested an action that this exchange does not allow"
    UNWANTED = "<why>"
    LIFETIME = "its lifetime is over"
    STARTED_AGAIN = "the peer has started again"
    UNNEEDED = "no longer needed"
    OF_WIRE = "<error>"


#: The names of types of algorithms.
_KINDS: Final = {
    TransformType.ENCR: "encryption",
    TransformType.PRF: "prf",
    TransformType.INTEG: "integrity",
    TransformType.KE: "group",
    TransformType.ESN: "extended sequence numbers",
}


class AlgorithmKind(int):
    """A type of algorithm among the fields of a reason, with its name. value: a `TransformType`."""

    def __str__(self) -> str:
        return _KINDS[TransformType(self)]


def main_mode_message(number: int) -> str:
    """Return the name of a message of main mode, as reasons have it. number: from 1."""
    return f"message {number} of main mode"


def refusal(denied: Denial) -> Reason:
    """Return the reason why packets of a peer do not come in."""
    return Reason(IkeReason.DENIED_BY_LIST, (denied.entry, denied.interface, denied.what.value, denied.remote))


def listed(names: Iterable[str]) -> str:
    """Return names of algorithms as the field of a reason."""
    every = list(names)
    more = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
    return (", ".join(every[:_MOST_NAMES]) or "none") + more
