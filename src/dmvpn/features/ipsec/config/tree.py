"""From the configuration tree to the typed model."""

from __future__ import annotations

from dmvpn.base.effects import DfBit
from dmvpn.base.protection import Encapsulation
from dmvpn.features.ipsec import model
from dmvpn.features.ipsec.config import profiles
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section

#: What `set pfs` means without a group.
_DEFAULT_GROUP = 14


def read(tree: ConfigTree) -> model.IpsecConfig:
    """Return what the configuration says of IPsec."""
    kilobytes, window = _kilobytes(tree, profiles.GLOBAL_KILOBYTES), _window(tree, profiles.GLOBAL_WINDOW)
    df, in_udp = tree.get(profiles.DF_BIT), tree.get(profiles.ENCAPSULATION)
    return model.IpsecConfig(
        transform_sets=tuple(_transform_set(args, section) for args, section in tree.sections(profiles.TRANSFORM_SET)),
        profiles=tuple(_profile(args, section) for args, section in tree.sections(profiles.PROFILE)),
        lifetime=model.Lifetime(
            seconds=tree.args(profiles.GLOBAL_SECONDS).integer("seconds", model.DEFAULT_SECONDS),
            kilobytes=model.DEFAULT_KILOBYTES if kilobytes is None else kilobytes,
        ),
        idle_time=tree.args(profiles.GLOBAL_IDLE).integer("seconds", 0),
        replay_window=model.DEFAULT_WINDOW if window is None else window,
        df_bit=next(bit for bit in DfBit if bit.value in df) if df else DfBit.COPY,
        fragment_first=tree.get(profiles.FRAGMENTATION) is None,
        nat_traversal=tree.flag(profiles.NAT),
        encapsulation=next(kind for kind in Encapsulation if kind.value in in_udp) if in_udp else Encapsulation.AUTO,
    )


def _transform_set(args: Args, section: Section) -> model.TransformSet:
    mode = section.get(profiles.MODE)
    # One with missing parts must be refused like one without a cipher, never agreed without the rest.
    cipher = None if profiles.missing_of(args) else profiles.cipher_of(args)
    return model.TransformSet(
        name=args.text("name"),
        cipher=cipher or model.Cipher.NULL,
        key_bits=profiles.bits_of(args) if cipher else 0,
        integrity=profiles.integrity_of(args) if cipher else None,
        transport=mode is not None,
        require_transport=mode is not None and "require" in mode,
    )


def _profile(args: Args, section: Section) -> model.IpsecProfile:
    sets, pfs = section.get(profiles.TRANSFORM_SETS), section.get(profiles.PFS)
    return model.IpsecProfile(
        name=args.text("name"),
        transform_sets=sets.texts("name") if sets else (),
        ikev2_profile=section.args(profiles.IKEV2_PROFILE).text("name", ""),
        isakmp_profile=section.args(profiles.ISAKMP_PROFILE).text("name", ""),
        pfs_group=int(pfs.text("group", f"group{_DEFAULT_GROUP}").removeprefix("group")) if pfs else 0,
        lifetime=model.Lifetime(
            seconds=section.args(profiles.SECONDS).integer("seconds", None),
            kilobytes=_kilobytes(section, profiles.KILOBYTES),
        ),
        idle_time=section.args(profiles.IDLE).integer("seconds", None),
        replay_window=_window(section, profiles.WINDOW),
        responder_only=section.flag(profiles.RESPONDER_ONLY),
        esn=section.flag(profiles.ESN),
    )


def _kilobytes(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("kilobytes", 0) if args and ("disable" in args or "kilobytes" in args.values_given) else None


def _window(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("packets", 0) if args else None
