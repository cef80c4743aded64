"""From the configuration tree to the typed model."""

from __future__ import annotations

from dmvpn.features.pki import model
from dmvpn.features.pki.config import trustpoints
from dmvpn.ios import Args, ConfigTree, Section


def read(tree: ConfigTree) -> model.PkiConfig:
    """Return what the configuration says of certificates."""
    chains = {args.text("name"): _certificates(section) for args, section in tree.sections(trustpoints.CHAIN)}
    return model.PkiConfig(
        trustpoints=tuple(
            _trustpoint(args, section, chains.get(args.text("name"), ()))
            for args, section in tree.sections(trustpoints.TRUSTPOINT)
        ),
        maps=tuple(sorted(tree.made(trustpoints.MAP, _map), key=lambda entry: (entry.name, entry.number))),
    )


def _map(args: Args, section: Section) -> model.CertificateMap:
    return model.CertificateMap(
        args.text("name"), args.integer("number"), tuple(map(_rule, section.all(trustpoints.RULE)))
    )


def _rule(args: Args) -> model.MapRule:
    part = next(part for part in model.CertificatePart if part.value in args)
    return model.MapRule(part, next(how for how in model.Comparison if how.value in args), args.text("text"))


def _certificates(chain: Section) -> tuple[model.Certificate, ...]:
    return tuple(
        model.Certificate(args.text("serial"), "ca" in args, _octets(section))
        for args, section in chain.sections(trustpoints.CERTIFICATE)
    )


def _octets(section: Section) -> bytes:
    """Return what the lines say together; b"" if that is no whole number of octets."""
    digits = "".join(args.text("octets") for args in section.all(trustpoints.OCTETS)).replace(" ", "")
    return bytes.fromhex(digits) if len(digits) % 2 == 0 else b""


def _trustpoint(args: Args, section: Section, certificates: tuple[model.Certificate, ...]) -> model.Trustpoint:
    enrollment = section.get(trustpoints.ENROLLMENT)
    rsa, elliptic, revocation = (
        section.get(trustpoints.RSA_KEYS),
        section.get(trustpoints.ELLIPTIC_KEYS),
        section.get(trustpoints.REVOCATION_CHECK),
    )
    return model.Trustpoint(
        name=args.text("name"),
        enrollment=_enrollment(enrollment) if enrollment else "",
        subject=section.args(trustpoints.SUBJECT).text("name", ""),
        fqdn=section.args(trustpoints.FQDN).text("name", ""),
        key_bits=rsa.integer("bits", 0) if rsa else 0,
        elliptic=elliptic is not None,
        certificates=certificates,
        any_use=section.flag(trustpoints.KEY_USAGE),
        revocation=revocation.texts("method") if revocation else ("crl",),
    )


def _enrollment(args: Args) -> str:
    words = ("terminal", "selfsigned", "pkcs12")
    return args.text("url", "") or next(word for word in words if word in args)
