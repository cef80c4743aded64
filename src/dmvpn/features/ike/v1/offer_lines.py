"""What `debug crypto isakmp` says of offers: each transform against each policy, attribute by attribute, as IOS does.

A stranger may offer hundreds of transforms, so the number of lines is limited.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.protection import conn_id
from dmvpn.features.ike.numbers import Encr, ProtocolId
from dmvpn.features.ike.v1.numbers import (
    AuthMethod,
    EncapsulationMode,
    Encryption,
    EspAttribute,
    EspAuth,
    HashAlgorithm,
    IkeAttribute,
    LifeType,
)
from dmvpn.features.ike.v1.transforms import name_of, read

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dmvpn.features.ike.peer_settings import IsakmpTransform
    from dmvpn.features.ike.v1.offers import Wanted
    from dmvpn.features.ike.v1.proposals import Attribute, Proposal, Transform
    from dmvpn.features.ike.v1.transforms import TransformTerms

#: Lines about one offer.
MOST_LINES: Final = 200
#: Octets.
_LONGEST_NUMBER: Final = 4
#: As IOS writes numbers of the standard, where it does not use its names.
_CIPHERS: Final[dict[int, str]] = {
    Encryption.AES_CBC: "AES-CBC",
    Encryption.TRIPLE_DES_CBC: "3DES-CBC",
    Encryption.DES_CBC: "DES-CBC",
}
_HASHES: Final[dict[int, str]] = {
    HashAlgorithm.SHA1: "SHA",
    HashAlgorithm.SHA2_256: "SHA256",
    HashAlgorithm.SHA2_384: "SHA384",
    HashAlgorithm.SHA2_512: "SHA512",
}
_METHODS: Final[dict[int, str]] = {AuthMethod.PRE_SHARED_KEY: "pre-share", AuthMethod.RSA_SIGNATURE: "RSA sig"}
_TRANSFORMS: Final[dict[int, str]] = {Encr.AES_CBC: "ESP_AES", Encr.TRIPLE_DES: "ESP_3DES"}
_AUTHENTICATORS: Final[dict[int, str]] = {
    EspAuth.HMAC_MD5: "HMAC-MD5",
    EspAuth.HMAC_SHA1: "HMAC-SHA",
    EspAuth.HMAC_SHA2_256: "HMAC-SHA256",
    EspAuth.HMAC_SHA2_384: "HMAC-SHA384",
    EspAuth.HMAC_SHA2_512: "HMAC-SHA512",
}
_MODES: Final[dict[int, str]] = {
    EncapsulationMode.TUNNEL: "Tunnel",
    EncapsulationMode.TRANSPORT: "Transport",
    EncapsulationMode.UDP_TUNNEL: "Tunnel-UDP",
    EncapsulationMode.UDP_TRANSPORT: "Transport-UDP",
}


def main_mode_lines(policies: Sequence[IsakmpTransform], theirs: Iterable[Proposal]) -> list[str]:
    """Return the lines about an offer of main mode, up to the first transform that a policy accepts."""
    offered = [transform for proposal in theirs for transform in proposal.transforms]
    return list(islice(_checked(policies, offered), MOST_LINES))


def _checked(policies: Sequence[IsakmpTransform], offered: Sequence[Transform]) -> Iterator[str]:
    for policy in policies:
        for place, transform in enumerate(offered, 1):
            yield f"ISAKMP:(0):Checking ISAKMP transform {transform.number} against priority {policy.priority} policy"
            yield from _ike_attributes(transform.attributes)
            why = _mismatch(policy, read(ProtocolId.IKE, transform))
            more = 3 if place < len(offered) else 0
            if not why:
                yield f"ISAKMP:(0):atts are acceptable. Next payload is {more}"
                return
            yield f"ISAKMP:(0):{why}"
            yield f"ISAKMP:(0):atts are not acceptable. Next payload is {more}"
    yield "ISAKMP:(0):no offers accepted!"


def _mismatch(policy: IsakmpTransform, terms: TransformTerms | None) -> str:
    """Return in what a transform differs from a policy; "": in nothing."""
    if terms is None:
        return "Attributes offered are not known!"
    ours, offered = policy.suite, terms.suite
    method = AuthMethod.RSA_SIGNATURE if policy.signs else AuthMethod.PRE_SHARED_KEY
    pairs = (
        ("Encryption algorithm offered does not match policy!", ours.encr, offered.encr),
        ("Proposed key length does not match policy", ours.key_bits, offered.key_bits),
        ("Hash algorithm offered does not match policy!", ours.prf, offered.prf),
        ("Diffie-Hellman group offered does not match policy!", ours.group, offered.group),
        ("Authentication method offered does not match policy!", method, terms.choice),
    )
    return next((what for what, mine, others in pairs if mine != others), "")


def _ike_attributes(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        value = attribute.value
        match attribute.kind:
            case IkeAttribute.ENCRYPTION:
                yield f"ISAKMP:      encryption {_named(_CIPHERS, Encryption, value)}"
            case IkeAttribute.KEY_LENGTH:
                yield f"ISAKMP:      keylength of {_number(attribute)}"
            case IkeAttribute.HASH:
                yield f"ISAKMP:      hash {_named(_HASHES, HashAlgorithm, value)}"
            case IkeAttribute.GROUP:
                yield f"ISAKMP:      default group {_number(attribute)}"
            case IkeAttribute.AUTHENTICATION:
                yield f"ISAKMP:      auth {_named(_METHODS, AuthMethod, value)}"
            case IkeAttribute.LIFE_TYPE:
                yield f"ISAKMP:      life type in {_unit(value)}"
            case IkeAttribute.LIFE_DURATION:
                yield f"ISAKMP:      life duration {_duration(attribute)}"
            case kind:
                yield f"ISAKMP:      attribute {kind} is {_number(attribute)}"


def quick_mode_lines(number: int, wanted: Wanted, theirs: Iterable[Proposal]) -> list[str]:
    """Return the lines about an offer, or an answer, of quick mode. number: of the ISAKMP SA."""
    return list(islice(_checked_esp(number, wanted, theirs), MOST_LINES))


def _checked_esp(number: int, wanted: Wanted, theirs: Iterable[Proposal]) -> Iterator[str]:
    head = f"ISAKMP:({conn_id(number)})"
    ours = {(terms.suite, terms.choice) for terms in wanted.terms}
    for proposal in theirs:
        yield f"{head}:Checking IPSec proposal {proposal.number}"
        for transform in proposal.transforms:
            yield f"ISAKMP: transform {transform.number}, {_named(_TRANSFORMS, Encr, transform.id)} "
            yield "ISAKMP:   attributes in transform:"
            yield from _esp_attributes(transform.attributes)
            terms = read(proposal.protocol, transform)
            fits = proposal.protocol == wanted.protocol and terms is not None and (terms.suite, terms.choice) in ours
            yield f"{head}:atts are {'acceptable' if fits else 'not acceptable'}."


def _esp_attributes(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        value = attribute.value
        match attribute.kind:
            case EspAttribute.ENCAPSULATION:
                yield f"ISAKMP:      encaps is {_number(attribute)} ({_named(_MODES, EncapsulationMode, value)})"
            case EspAttribute.LIFE_TYPE:
                yield f"ISAKMP:      SA life type in {_unit(value)}"
            case EspAttribute.LIFE_DURATION:
                yield f"ISAKMP:      SA life duration {_duration(attribute)}"
            case EspAttribute.AUTHENTICATION:
                yield f"ISAKMP:      authenticator is {_named(_AUTHENTICATORS, EspAuth, value)}"
            case EspAttribute.KEY_LENGTH:
                yield f"ISAKMP:      key length is {_number(attribute)}"
            case EspAttribute.GROUP:
                yield f"ISAKMP:      group is {_number(attribute)}"
            case kind:
                yield f"ISAKMP:      attribute {kind} is {_number(attribute)}"


def _named(names: Mapping[int, str], kind: type[enum.IntEnum], value: int) -> str:
    return names.get(value) or name_of(kind, value)


def _number(attribute: Attribute) -> str:
    return str(attribute.value) if len(attribute.octets) <= _LONGEST_NUMBER else "a large number"


def _unit(value: int) -> str:
    return name_of(LifeType, value).lower()


def _duration(attribute: Attribute) -> str:
    """Return a duration as IOS writes it: a short attribute as a number, any other one as octets."""
    if attribute.is_short:
        return f"(basic) of {attribute.value}"
    octets = " ".join(f"0x{octet:X}" for octet in attribute.octets[:_LONGEST_NUMBER])
    return f"(VPI) of  {octets} "
