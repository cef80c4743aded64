"""From the configuration tree to the typed model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ipsec.algorithms import DEFAULT_KILOBYTES, DEFAULT_SECONDS, DEFAULT_WINDOW, Cipher, DfBit
from dmvpn.features.ipsec.config import profiles, transforms, trustpoints
from dmvpn.features.ipsec.model import Certificate, IpsecConfig, IpsecProfile, Lifetime, TransformSet, Trustpoint

if TYPE_CHECKING:
    from dmvpn.ios import Args, ConfigLine, ConfigTree, Section

#: What `set pfs` means without a group.
_DEFAULT_GROUP = 14


def read(tree: ConfigTree) -> IpsecConfig:
    """What the configuration says of IPsec."""
    return IpsecConfig(
        transform_sets=_transform_sets(tree),
        profiles=_profiles(tree),
        trustpoints=_trustpoints(tree),
        lifetime=_global_lifetime(tree),
        idle_time=_global_idle_time(tree),
        replay_window=_global_window(tree),
        df_bit=_df_bit(tree),
        fragment_first=_fragments_first(tree),
        nat_traversal=_traverses_nat(tree),
    )


def _transform_sets(tree: ConfigTree) -> tuple[TransformSet, ...]:
    """All transform sets."""
    return tuple(_transform_set(args, section) for args, section in tree.sections(transforms.TRANSFORM_SET))


def _transform_set(args: Args, section: Section) -> TransformSet:
    mode = section.get(transforms.MODE)
    return TransformSet(
        name=args.text("name"),
        cipher=transforms.cipher_of(args) or Cipher.NULL,
        key_bits=transforms.bits_of(args),
        integrity=transforms.integrity_of(args),
        transport=mode is not None,
        require_transport=mode is not None and "require" in mode,
    )


def _profiles(tree: ConfigTree) -> tuple[IpsecProfile, ...]:
    """All profiles."""
    return tuple(_profile(args, section) for args, section in tree.sections(profiles.PROFILE))


def _global_lifetime(tree: ConfigTree) -> Lifetime:
    """The lifetime of SAs whose profile names none."""
    seconds, kilobytes = _seconds(tree, profiles.GLOBAL_SECONDS), _kilobytes(tree, profiles.GLOBAL_KILOBYTES)
    return Lifetime(
        seconds=DEFAULT_SECONDS if seconds is None else seconds,
        kilobytes=DEFAULT_KILOBYTES if kilobytes is None else kilobytes,
    )


def _global_idle_time(tree: ConfigTree) -> int:
    """Seconds after which an unused SA goes, 0: it stays."""
    return _seconds(tree, profiles.GLOBAL_IDLE) or 0


def _global_window(tree: ConfigTree) -> int:
    """Packets of the replay window, 0: replays are not looked for."""
    packets = _window(tree, profiles.GLOBAL_WINDOW)
    return DEFAULT_WINDOW if packets is None else packets


def _df_bit(tree: ConfigTree) -> DfBit:
    """What becomes of the DF bit."""
    args = tree.get(profiles.DF_BIT)
    return next(bit for bit in DfBit if bit.value in args) if args else DfBit.COPY


def _fragments_first(tree: ConfigTree) -> bool:
    """Are large packets cut before they are encrypted?"""
    return tree.get(profiles.FRAGMENTATION) is None


def _traverses_nat(tree: ConfigTree) -> bool:
    """May ESP go in UDP?"""
    return tree.flag(profiles.NAT)


def _profile(args: Args, section: Section) -> IpsecProfile:
    sets, pfs = section.get(profiles.TRANSFORM_SETS), section.get(profiles.PFS)
    ikev2, isakmp = section.get(profiles.IKEV2_PROFILE), section.get(profiles.ISAKMP_PROFILE)
    return IpsecProfile(
        name=args.text("name"),
        transform_sets=sets.texts("name") if sets else (),
        ikev2_profile=ikev2.text("name") if ikev2 else "",
        isakmp_profile=isakmp.text("name") if isakmp else "",
        pfs_group=_group(pfs) if pfs else 0,
        lifetime=Lifetime(
            seconds=_seconds(section, profiles.SECONDS), kilobytes=_kilobytes(section, profiles.KILOBYTES)
        ),
        idle_time=_seconds(section, profiles.IDLE),
        replay_window=_window(section, profiles.WINDOW),
        responder_only=section.flag(profiles.RESPONDER_ONLY),
    )


def _group(args: Args) -> int:
    return int(args.text("group", f"group{_DEFAULT_GROUP}").removeprefix("group"))


def _seconds(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("seconds") if args else None


def _kilobytes(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("kilobytes", 0) if args and ("disable" in args or "kilobytes" in args.values_given) else None


def _window(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("packets", 0) if args else None


def _trustpoints(tree: ConfigTree) -> tuple[Trustpoint, ...]:
    """All trustpoints."""
    chains = {args.text("name"): _certificates(section) for args, section in tree.sections(trustpoints.CHAIN)}
    return tuple(
        _trustpoint(args, section, chains.get(args.text("name"), ()))
        for args, section in tree.sections(trustpoints.TRUSTPOINT)
    )


def _certificates(chain: Section) -> tuple[Certificate, ...]:
    return tuple(
        Certificate(args.text("serial"), "ca" in args, _octets(section))
        for args, section in chain.sections(trustpoints.CERTIFICATE)
    )


def _octets(section: Section) -> bytes:
    """What the lines say together; b"" if that is no whole number of octets."""
    digits = "".join(args.text("octets") for args in section.all(trustpoints.OCTETS)).replace(" ", "")
    return bytes.fromhex(digits) if len(digits) % 2 == 0 else b""


def _trustpoint(args: Args, section: Section, certificates: tuple[Certificate, ...]) -> Trustpoint:
    enrollment, subject, fqdn = (
        section.get(trustpoints.ENROLLMENT),
        section.get(trustpoints.SUBJECT),
        section.get(trustpoints.FQDN),
    )
    rsa, elliptic, revocation = (
        section.get(trustpoints.RSA_KEYS),
        section.get(trustpoints.ELLIPTIC_KEYS),
        section.get(trustpoints.REVOCATION_CHECK),
    )
    label = elliptic or rsa
    return Trustpoint(
        name=args.text("name"),
        enrollment=_enrollment(enrollment) if enrollment else "",
        subject=subject.text("name") if subject else "",
        fqdn=fqdn.text("name", "") if fqdn else "",
        key_label=label.text("label") if label else "",
        key_bits=rsa.integer("bits", 0) if rsa else 0,
        elliptic=elliptic is not None,
        certificates=certificates,
        revocation=revocation.texts("method") if revocation else ("crl",),
    )


def _enrollment(args: Args) -> str:
    words = ("terminal", "selfsigned", "pkcs12")
    return args.text("url", "") or next(word for word in words if word in args)
