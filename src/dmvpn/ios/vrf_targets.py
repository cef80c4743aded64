"""The lines of a VRF by which BGP routes go to other VRFs: `rd`, `route-target`, and maps. BGP reads them, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dmvpn.base.communities import TARGET, extended, extended_text, extended_value
from dmvpn.base.values import Value
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import FEW, Section, Statement
from dmvpn.ios.values import ValueType, register_type
from dmvpn.ios.vrfs import DEFINITION, IP_VRF, IPV4

VRF: Final = "vrf"
IP_VRF_MODE: Final = "ip-vrf"
FAMILY: Final = "vrf-family"


def _community(text: str) -> tuple[str, str] | None:
    """Return `65000:1` or `192.0.2.1:1`, `65546:1` for `1.10:1`, and None for anything else.

    As on IOS the number of an AS is kept as one number, so equal ones are written alike.
    """
    front, _, number = text.partition(":")
    halves = front.split(".")
    if len(halves) == 2:
        if not all(half.isascii() and half.isdigit() and len(half) <= 5 and int(half) <= 65535 for half in halves):
            return None
        front = str((int(halves[0]) << 16) + int(halves[1]))
    value = extended_value(f"{front}:{number}")
    if value is None:
        return None
    plain = extended_text((extended(TARGET, value),)).removeprefix("RT:")
    return plain, plain


COMMUNITY: Final = register_type(
    ValueType("route-distinguisher", "ASN:nn or IP-address:nn", _community, fragment=r"[\d.]+:?\d*")
)


def _check_rd(args: Args, section: Section) -> str | None:
    """Refuse the route distinguisher of another VRF, as IOS does."""
    own = section.opened_by.text("name") if section.opened_by is not None else ""
    rd = args.text("rd")
    for line in (DEFINITION, IP_VRF):
        found = section.root.made(line, _distinguished)
        is_long = len(found) > FEW
        users = (
            section.root.following(line, _distinguished, _Users).vrfs(rd)
            if is_long
            else [name for one, name in found if one == rd]
        )
        other = next((name for name in users if name != own), None)
        if other is not None:
            return f"% RD {rd} already in use by VRF {other}"
    return None


def _distinguished(args: Args, section: Section) -> tuple[str, str] | None:
    """Return the route distinguisher of a VRF, and its name; None: it has none."""
    rd = next((inner.text("rd") for line in _RDS if (inner := section.get(line)) is not None), None)
    return None if rd is None else (rd, args.text("name"))


class _Users:
    """The VRFs by their route distinguishers."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def follow(self, gone: Mapping[int, tuple[str, str]], came: Mapping[int, tuple[str, str]]) -> None:
        """See `Follower`."""
        for rd, name in gone.values():
            self._names[rd].pop(name, None)
        for rd, name in came.values():
            self._names.setdefault(rd, {})[name] = None

    def vrfs(self, rd: str) -> Iterable[str]:
        """Return the VRFs with this one."""
        return self._names.get(rd, {})


_HELP: Final = {
    "rd": "Route distinguisher: what makes its prefixes unique for BGP",
    "import": "Routes of other VRFs",
    "export": "Routes that go to other VRFs",
    "map": "What a route map makes of them",
}


def _rd(mode: str) -> ConfigLine:
    return ConfigLine(mode, "rd {rd:route-distinguisher}", _HELP, order=2, check=_check_rd)


_TARGET_HELP: Final = {
    "route-target": "Communities by which routes go from VRF to VRF",
    "export": "What its routes get",
    "import": "Whose routes it takes",
    "both": "Export and import",
}


def _target(mode: str, direction: str, order: int) -> ConfigLine:
    return ConfigLine(
        mode, f"route-target {direction} {{target:route-distinguisher}}", _TARGET_HELP, key=("target",), order=order
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


def _map(mode: str, direction: str, order: int) -> ConfigLine:
    return ConfigLine(mode, f"{direction} map {{map:word}}", _HELP, order=order)


RD: Final = _rd(VRF)
IP_RD: Final = _rd(IP_VRF_MODE)
_RDS: Final = (RD, IP_RD)
_MODES: Final = (VRF, IP_VRF_MODE, FAMILY)
EXPORTS: Final = tuple(_target(mode, "export", 10) for mode in _MODES)
IMPORTS: Final = tuple(_target(mode, "import", 11) for mode in _MODES)
BOTH: Final = tuple(
    _both(mode, exported, imported) for mode, exported, imported in zip(_MODES, EXPORTS, IMPORTS, strict=True)
)
IMPORT_MAPS: Final = tuple(_map(mode, "import", 8) for mode in (IP_VRF_MODE, FAMILY))
EXPORT_MAPS: Final = tuple(_map(mode, "export", 9) for mode in (IP_VRF_MODE, FAMILY))
LINES: Final = (RD, IP_RD, *IMPORT_MAPS, *EXPORT_MAPS, *EXPORTS, *IMPORTS, *BOTH)


class VpnLines(Value, kw_only=True):
    """What these lines say of one VRF.

    rd: its route distinguisher, "" without one.
    exports, imports: route targets.
    export_map, import_map: route maps, "" without one.
    """

    rd: str = ""
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    export_map: str = ""
    import_map: str = ""

    @property
    def exported_targets(self) -> tuple[int, ...]:
        """The targets that exported routes get, as extended communities."""
        return _communities(self.exports)

    @property
    def imported_targets(self) -> tuple[int, ...]:
        """The targets of routes to import, as extended communities."""
        return _communities(self.imports)


#: Of the global table, and of a VRF without any of the lines.
NO_VPN: Final = VpnLines()


def vpn_lines(section: Section) -> VpnLines:
    """Return what the section of a VRF says."""
    family = section.section(IPV4) if section.mode.name == VRF else None
    inside = (section,) if family is None else (section, family)
    return VpnLines(
        rd=_text(inside, _RDS, "rd"),
        exports=_targets(inside, EXPORTS),
        imports=_targets(inside, IMPORTS),
        export_map=_text(inside, EXPORT_MAPS, "map"),
        import_map=_text(inside, IMPORT_MAPS, "map"),
    )


def vpn_of(root: Section, vrf: str) -> VpnLines:
    """Return what the configuration says of a VRF."""
    found = (root.section(line, name=vrf) for line in (DEFINITION, IP_VRF)) if vrf else ()
    return next((vpn_lines(section) for section in found if section is not None), NO_VPN)


def _text(inside: tuple[Section, ...], lines: tuple[ConfigLine, ...], field: str) -> str:
    of_mode = {line.mode: line for line in lines}
    found = (section.args(of_mode[section.mode.name]) for section in inside if section.mode.name in of_mode)
    return next((args.text(field) for args in found if field in args), "")


def _targets(inside: tuple[Section, ...], lines: tuple[ConfigLine, ...]) -> tuple[str, ...]:
    of_mode = {line.mode: line for line in lines}
    found = (args for section in inside for args in section.all(of_mode[section.mode.name]))
    return tuple(dict.fromkeys(args.text("target") for args in found))


def _communities(targets: tuple[str, ...]) -> tuple[int, ...]:
    values = map(extended_value, targets)
    return tuple(extended(TARGET, value) for value in values if value is not None)
