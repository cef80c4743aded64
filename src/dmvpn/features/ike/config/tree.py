"""From the configuration tree to the typed model."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dmvpn.base.pages import Pages
from dmvpn.features.ike import model
from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.config.settings import octets_of
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import DOMAIN_NAME, DOMAIN_NAME_OLD

#: Octets of a message that needs no fragments, where the line does not say it.
_FRAGMENT = 576
_LIMITS: Final = ("max-sa", "max-in-negotation-sa")


def read(tree: ConfigTree) -> model.IkeConfig:
    """Return what the configuration says of IKE."""
    fragmentation = tree.get(settings.FRAGMENTATION)
    limits = {word: args.integer("number") for args in tree.all(settings.LIMIT) for word in _LIMITS if word in args}
    return model.IkeConfig(
        proposals=tuple(tree.made(settings.PROPOSAL, _proposal)),
        policies=tuple(tree.made(settings.POLICY, _policy)),
        keyrings=tuple(tree.made(profiles.RING, _keyring)),
        profiles=tuple(tree.made(profiles.PROFILE, _profile)),
        dpd=_dpd_of(tree.get(settings.PEER_DPD)),
        nat_keepalive=tree.args(settings.NAT_KEEPALIVE).integer("seconds", 0),
        cookie_challenge=tree.args(settings.COOKIE_CHALLENGE).integer("number", 0),
        window=tree.args(settings.WINDOW).integer("requests", 5),
        fragment=fragmentation.integer("octets", _FRAGMENT) if fragmentation else None,
        maximum_sas=limits.get("max-sa", 0),
        maximum_half_open=limits.get("max-in-negotation-sa", 0),
        log_sessions=bool(tree.all(settings.LOGGING)),
        weak_algorithms=tree.flag(settings.SHIELD) or tree.flag(isakmp.WEAK),
        begins_with_the_forgotten=tree.get(isakmp.INVALID_SPI) is not None,
        isakmp=_isakmp(tree),
    )


def _key_of(args: Args | None) -> model.PreSharedKey | None:
    """Return the key that a line gives, if it gives one."""
    octets = octets_of(args) if args is not None and "key" in args.values_given else None
    return None if octets is None else model.PreSharedKey(octets)


def _identity_of(args: Args) -> model.Identity:
    """Return the identity that a line names."""
    if "address" in args.values_given:
        return model.Identity(
            kind=model.IdentityKind.ADDRESS, address=args.address("address"), mask=args.address("mask", None)
        )
    if "address6" in args.values_given or "ipv6" in args:
        return model.Identity(kind=model.IdentityKind.ADDRESS)  # no peer over IPv4 has it
    if "host" in args:  # IKEv1's word for a name
        kind = model.IdentityKind.FQDN_DOMAIN if "domain" in args else model.IdentityKind.FQDN
        return model.Identity(kind=kind, text=args.text("text"))
    for kind in model.IdentityKind:
        words = kind.value.split()
        if words[0] in args and ("domain" in args) == (len(words) == 2):
            return model.Identity(kind=kind, text=args.text("text", ""))
    raise KeyError("no identity in this line")


def _dpd_of(args: Args | None) -> model.DeadPeerDetection | None:
    """Return dead peer detection, if the line is there."""
    if args is None:
        return None
    return model.DeadPeerDetection(args.integer("interval"), args.integer("retry"), "on-demand" in args)


def _proposal(args: Args, section: Section) -> model.ConfiguredProposal:
    return model.ConfiguredProposal(
        name=args.text("name"),
        encryption=tuple(model.Encryption(word) for word in _words(section, settings.ENCRYPTION, "cipher")),
        integrity=tuple(model.Hash(word) for word in _words(section, settings.INTEGRITY, "hash")),
        prf=tuple(model.Hash(word) for word in _words(section, settings.PRF, "hash")),
        groups=tuple(int(word) for word in _words(section, settings.GROUPS, "group")),
    )


def _policy(args: Args, section: Section) -> model.Policy:
    fvrf = section.get(settings.MATCH_FVRF)
    return model.Policy(
        name=args.text("name"),
        proposals=tuple(used.text("name") for used in section.all(settings.USES)),
        fvrf=fvrf.text("vrf", "any") if fvrf else "",
        local_addresses=tuple(local.address("address") for local in section.all(settings.MATCH_LOCAL)),
    )


def _words(section: Section, line: ConfigLine, name: str) -> tuple[str, ...]:
    args = section.get(line)
    return tuple(dict.fromkeys(args.texts(name))) if args else ()


def _keyring(args: Args, section: Section) -> model.Keyring:
    return model.Keyring(args.text("name"), section.made(profiles.PEER, _peer))


def _peer(args: Args, section: Section) -> model.KeyringPeer:
    address = section.args(profiles.ADDRESS)
    identity = section.get(profiles.IDENTITY)
    keys = section.all(profiles.PRE_SHARED_KEY)
    return model.KeyringPeer(
        name=args.text("name"),
        address=address.address("address", None),
        mask=address.address("mask", None),
        hostname=section.args(profiles.HOSTNAME).text("name", ""),
        identity=_identity_of(identity) if identity else None,
        local_key=_key_of(_for_side(keys, "local", "remote")),
        remote_key=_key_of(_for_side(keys, "remote", "local")),
    )


def _for_side(keys: list[Args], side: str, other: str) -> Args | None:
    """Return the key of this side: a key without a side is for both, and a key of this very side is preferred."""
    of_side = [key for key in keys if side in key]
    of_both = [key for key in keys if side not in key and other not in key]
    return next(iter(of_side + of_both), None)


def _profile(args: Args, section: Section) -> model.Profile:
    fvrf, identity = section.get(profiles.MATCH_FVRF), section.get(profiles.LOCAL_IDENTITY)
    ours = [entry for entry in section.all(profiles.USES) if "local" in entry]
    theirs = [entry for entry in section.all(profiles.USES) if "remote" in entry]
    local = section.all(profiles.MATCH_LOCAL)
    return model.Profile(
        name=args.text("name"),
        matches=tuple(_identity_of(match) for match in section.all(profiles.MATCH_IDENTITY)),
        certificate_maps=tuple(match.text("map") for match in section.all(profiles.MATCH_CERTIFICATE)),
        fvrf=fvrf.text("vrf", "any") if fvrf else "",
        local_addresses=tuple(match.address("address") for match in local if "interface" not in match),
        local_interfaces=tuple(match.interface("interface") for match in local if "interface" in match),
        local_identity=_identity_of(identity) if identity else None,
        local_authentication=profiles.method_of(ours[0]) if ours else None,
        remote_authentication=tuple(profiles.method_of(entry) for entry in theirs),
        local_key=next(filter(None, map(_key_of, ours)), None),
        remote_key=next(filter(None, map(_key_of, theirs)), None),
        keyring=section.args(profiles.KEYRING).text("name", ""),
        trustpoints=tuple(entry.text("name") for entry in section.all(profiles.TRUSTPOINT)),
        sign_trustpoints=_trustpoints(section, "verify"),
        verify_trustpoints=_trustpoints(section, "sign"),
        lifetime=section.args(profiles.LIFETIME).integer("seconds", model.DEFAULT_LIFETIME),
        dpd=_dpd_of(section.get(profiles.PEER_DPD)),
        nat_keepalive=section.args(profiles.NAT_KEEPALIVE).integer("seconds", None),
        force_nat=section.flag(profiles.FORCE_ENCAPSULATION),
        initial_contact=section.flag(profiles.INITIAL_CONTACT),
        names_proved=section.flag(profiles.UNPROVED_NAMES),
    )


def _trustpoints(section: Section, unless: str) -> tuple[str, ...]:
    """Return those of a profile that are not for another purpose alone."""
    return tuple(entry.text("name") for entry in section.all(profiles.TRUSTPOINT) if unless not in entry)


def _isakmp(tree: ConfigTree) -> model.IsakmpConfig:
    """Return the IKEv1 part of the model."""
    fragmentation = tree.get(isakmp.FRAGMENTATION)
    return model.IsakmpConfig(
        policies=tuple(_isakmp_policy(args, section) for args, section in tree.sections(isakmp.POLICY)),
        global_keys=tree.made(isakmp.KEY, _isakmp_key),
        keyrings=tree.made(isakmp.KEYRING, _isakmp_keys),
        profiles=tuple(_isakmp_profile(args, section, tree) for args, section in tree.sections(isakmp.PROFILE)),
        identity=_own_identity(tree.get(isakmp.IDENTITY), tree),
        keepalive=_isakmp_keepalive(tree.get(isakmp.KEEPALIVE)),
        fragment=fragmentation.integer("octets", _FRAGMENT) if fragmentation else model.LARGEST_WHOLE,
        nat_keepalive=tree.args(isakmp.NAT_KEEPALIVE).integer("seconds", 0),
        run_as_ikev2=tree.flag(isakmp.RUN_AS),
    )


def _isakmp_policy(args: Args, section: Section) -> model.IsakmpPolicy:
    encryption, hash_, method = (
        section.get(isakmp.ENCRYPTION),
        section.get(isakmp.HASH),
        section.get(isakmp.AUTHENTICATION),
    )
    group = section.get(isakmp.GROUP)
    return model.IsakmpPolicy(
        number=args.integer("number"),
        encryption=_encryption(encryption) if encryption else model.Encryption.DES,
        hash=model.Hash.SHA1 if hash_ is None else next(word for word in model.Hash if word.value in hash_),
        authentication=model.AuthenticationMethod.RSA_SIGNATURE if method is None else profiles.method_of(method),
        group=int(group.text("group")) if group else 1,
        lifetime=section.args(isakmp.LIFETIME).integer("seconds", model.DEFAULT_LIFETIME),
    )


def _encryption(args: Args) -> model.Encryption:
    if "aes" in args:
        bits = next((word for word in ("192", "256") if word in args), "128")
        return model.Encryption(f"aes-cbc-{bits}")
    return model.Encryption.TRIPLE_DES if "3des" in args else model.Encryption.DES


def _isakmp_keys(args: Args, section: Section) -> Pages[model.IsakmpKey] | None:
    return section.made(isakmp.KEYRING_KEY, _isakmp_key, args.text("name"), args.text("vrf", "")) or None


def _isakmp_key(args: Args, keyring: str = "", fvrf: str = "") -> model.IsakmpKey:
    return model.IsakmpKey(
        key=_key_of(args),
        keyring=keyring,
        address=args.address("address", None) if "address" in args.values_given else None,
        mask=args.address("mask", None),
        address6=str(args["address6"]) if "address6" in args.values_given else "",
        hostname=args.text("name", ""),
        fvrf=fvrf,
    )


def _isakmp_profile(args: Args, section: Section, tree: ConfigTree) -> model.IsakmpProfile:
    return model.IsakmpProfile(
        name=args.text("name"),
        trustpoints=tuple(entry.text("name") for entry in section.all(isakmp.PROFILE_TRUSTPOINT)),
        certificate_maps=tuple(entry.text("map") for entry in section.all(isakmp.MATCH_CERTIFICATE)),
        keyring=section.args(isakmp.PROFILE_KEYRING).text("name", ""),
        matches=tuple(_isakmp_match(match) for match in section.all(isakmp.MATCH_IDENTITY)),
        self_identity=_own_identity(section.get(isakmp.SELF_IDENTITY), tree),
        keepalive=_isakmp_keepalive(section.get(isakmp.PROFILE_KEEPALIVE)),
    )


def _isakmp_match(args: Args) -> model.Identity:
    """Return whom a line matches. Addresses are those of the VRF that it names; names are the same in every VRF."""
    identity = _identity_of(args)
    return replace(identity, fvrf=args.text("vrf", "")) if identity.kind is model.IdentityKind.ADDRESS else identity


def _own_identity(args: Args | None, tree: ConfigTree) -> model.Identity | None:
    """Return whom a line says we are. A name that is not written out is our host name with its domain."""
    if args is None:
        return None
    if "address" in args:
        return model.Identity(kind=model.IdentityKind.ADDRESS)
    if "dn" in args:
        return model.Identity(kind=model.IdentityKind.DISTINGUISHED_NAME)
    domain = tree.get(DOMAIN_NAME) or tree.get(DOMAIN_NAME_OLD)
    own = f"{tree.hostname}.{domain.text('domain')}" if domain else tree.hostname
    return model.Identity(kind=model.IdentityKind.FQDN, text=args.text("text", own))


def _isakmp_keepalive(args: Args | None) -> model.DeadPeerDetection | None:
    if args is None:
        return None
    return model.DeadPeerDetection(args.integer("interval"), args.integer("retry", 2), "periodic" not in args)
