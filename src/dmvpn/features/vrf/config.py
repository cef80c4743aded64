"""`vrf definition`, `ip vrf` and the lines inside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.features.vrf.model import VrfConfig, VrfSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section, ValueType, register_type
from dmvpn.ios.section import Statement
from dmvpn.ios.vrfs import DEFINITION, IP_VRF, IPV4, IPV6

if TYPE_CHECKING:
    from collections.abc import Iterator

_VRF: Final = "vrf"
_IP_VRF: Final = "ip-vrf"
_FAMILY: Final = "vrf-family"
MODES: Final = (
    Mode(_VRF, "config-vrf"),
    Mode(_IP_VRF, "config-vrf"),
    Mode(_FAMILY, "config-vrf-af", _VRF, exit_word="exit-address-family"),
)


def _community(text: str) -> tuple[str, str] | None:
    """Return `65000:1`, `1.65000:1` or `192.0.2.1:1` as it is, None for anything else."""
    front, _, number = text.partition(":")
    parts = front.split(".")
    most = {1: (4294967295,), 2: (65535, 65535), 4: (255,) * 4}.get(len(parts))
    if most is None or not all(_is_number(part, high) for part, high in zip(parts, most, strict=True)):
        return None
    is_short = len(parts) == 1 and int(front) <= 65535
    return (text, text) if _is_number(number, 4294967295 if is_short else 65535) else None


def _is_number(text: str, high: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= high


COMMUNITY: Final = register_type(
    ValueType("route-distinguisher", "ASN:nn or IP-address:nn", _community, fragment=r"[\d.]+:?\d*")
)


def _check_rd(args: Args, section: Section) -> str | None:
    """Refuse the route distinguisher of another VRF, as IOS does."""
    own = section.opened_by
    for vrf, inner in _sections(section.root):
        rd = next((inner.get(line) for line in _RDS if inner.get(line) is not None), None)
        is_other = own is None or vrf.text("name") != own.text("name")
        if is_other and rd is not None and rd.text("rd") == args.text("rd"):
            return f"% RD {args.text('rd')} already in use by VRF {vrf.text('name')}"
    return None


def _sections(root: Section) -> Iterator[tuple[Args, Section]]:
    for line in (DEFINITION, IP_VRF):
        yield from root.sections(line)


def _rd(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "rd {rd:route-distinguisher}",
        {"rd": "Route distinguisher: what makes its prefixes unique for BGP"},
        order=2,
        check=_check_rd,
    )


def _description(mode: str) -> ConfigLine:
    return ConfigLine(mode, "description {text:line}", {"description": "What this VRF is for", "text": "Text"}, order=1)


_TARGET_HELP: Final = {
    "route-target": "Communities by which routes go from VRF to VRF",
    "export": "What its routes get",
    "import": "Whose routes it takes",
    "both": "Export and import",
}


def _target(mode: str, direction: str, order: int) -> ConfigLine:
    return ConfigLine(
        mode,
        f"route-target {direction} {{target:route-distinguisher}}",
        _TARGET_HELP,
        key=("target",),
        order=order,
    )


def _both(mode: str, exported: ConfigLine, imported: ConfigLine) -> ConfigLine:
    """Return `route-target both`, which is kept as two lines."""

    def put(args: Args, section: Section) -> bool:
        is_new = section.put(Statement(exported, _one(exported, args)))
        return section.put(Statement(imported, _one(imported, args))) or is_new

    def take(args: Args, section: Section) -> str | None:
        present = [section.find(line, _one(line, args)) for line in (exported, imported)]
        for entry in present:
            if entry is not None:
                section.drop(entry)
        return "" if any(entry is not None for entry in present) else None

    return ConfigLine(
        mode,
        "route-target [ both ] {target:route-distinguisher}",
        _TARGET_HELP,
        key=("target",),
        order=12,
        acts=put,
        ends=take,
    )


def _one(line: ConfigLine, args: Args) -> Args:
    target, direction = args.text("target"), line.syntax.split()[1]
    words = ("route-target", direction)
    return Args({"target": target}, words, (*words, target))


RD: Final = _rd(_VRF)
IP_RD: Final = _rd(_IP_VRF)
_RDS: Final = (RD, IP_RD)
DESCRIPTION: Final = _description(_VRF)
IP_DESCRIPTION: Final = _description(_IP_VRF)
EXPORTS: Final = tuple(_target(mode, "export", 10) for mode in (_VRF, _IP_VRF, _FAMILY))
IMPORTS: Final = tuple(_target(mode, "import", 11) for mode in (_VRF, _IP_VRF, _FAMILY))
BOTH: Final = tuple(
    _both(mode, exported, imported)
    for mode, exported, imported in zip((_VRF, _IP_VRF, _FAMILY), EXPORTS, IMPORTS, strict=True)
)

LINES: Final = (
    DEFINITION,
    IP_VRF,
    DESCRIPTION,
    IP_DESCRIPTION,
    RD,
    IP_RD,
    *EXPORTS,
    *IMPORTS,
    *BOTH,
    IPV4,
    IPV6,
)


def vrfs(tree: ConfigTree) -> tuple[str, ...]:
    """Return the VRFs, sorted by name."""
    config = model(tree)
    return config.names if config is not None else ()


def model(tree: ConfigTree) -> VrfConfig | None:
    """Return what the configuration says of VRFs; None: nothing."""
    found = (*tree.made(DEFINITION, _defined), *tree.made(IP_VRF, _of_ipv4))
    return VrfConfig(tuple(sorted(found, key=lambda one: one.name))) if found else None


def _defined(args: Args, section: Section) -> VrfSettings:
    family = section.section(IPV4)
    inside = (section,) if family is None else (section, family)
    settings = _settings(args, section, (DESCRIPTION, RD), inside, has_ipv4=family is not None)
    return replace(settings, has_ipv6=section.section(IPV6) is not None)


def _of_ipv4(args: Args, section: Section) -> VrfSettings:
    return _settings(args, section, (IP_DESCRIPTION, IP_RD), (section,), is_old=True)


def _settings(
    args: Args,
    section: Section,
    lines: tuple[ConfigLine, ConfigLine],
    inside: tuple[Section, ...],
    *,
    has_ipv4: bool = True,
    is_old: bool = False,
) -> VrfSettings:
    description, rd = lines
    return VrfSettings(
        name=args.text("name"),
        description=section.args(description).text("text", ""),
        rd=section.args(rd).text("rd", ""),
        exports=_targets(inside, EXPORTS),
        imports=_targets(inside, IMPORTS),
        has_ipv4=has_ipv4,
        is_old=is_old,
    )


def _targets(inside: tuple[Section, ...], lines: tuple[ConfigLine, ...]) -> tuple[str, ...]:
    of_mode = {line.mode: line for line in lines}
    found = (args for section in inside for args in section.all(of_mode[section.mode.name]))
    return tuple(dict.fromkeys(args.text("target") for args in found))
