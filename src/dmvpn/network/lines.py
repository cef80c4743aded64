"""A configuration as its lines: its sections, its routing processes, and its text after more lines were typed.

Texts are brought into the order and spelling of the running configuration first, so `interface tunnel 100` and
`interface Tunnel100` are the same section, and a line is found by how it begins.

A `Process` has its lines about one table, and `moved` gives the lines that move them into another table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from functools import lru_cache
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.ios import ConfigResult, ConfigTree, known_command
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.damage import ADDED
from dmvpn.ios.vrfs import DEFINITION, FORWARDING, IP_FORWARDING, IP_VRF
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

# ------------------------------------------------------------------------------------------------ lines without effect


VRF: Final = DEFINITION
VRF_OLD: Final = IP_VRF
IN_VRF: Final = FORWARDING
IN_VRF_OLD: Final = IP_FORWARDING
POLICY_MAP: Final = known_command("global", "policy-map {name:word}")
SERVICE_POLICY: Final = known_command("interface", "service-policy (")
PIM: Final = known_command("interface", "ip pim")
PIM_BIDIR: Final = known_command("global", "ip pim bidir-enable")
PIM_GLOBAL: Final = known_command("global", "ip pim [")
NEGOTIATED: Final = known_command("interface", "ip address negotiated")
CLASS: Final = known_command("policy-map", "class")


# ------------------------------------------------------------------------------------------------ lines


#: What may precede a line of a file as it was found: blanks, and a prompt as `ios.transcript` knows it.
BEFORE: Final = r"\s*(?:[\w.:@/-]+(?:\([\w-]+\))?#\s*)?"

#: Beginnings of lines of the outermost level, and of lines that open a section.
_SECTIONS: Final = tuple(
    f"{word} "
    for word in ("interface", "router", "crypto", "key chain", "vrf definition", "ip access-list", "route-map")
)
_OUTERMOST: Final = (*_SECTIONS, "ip route ")
_OPENING: Final = (*_SECTIONS, "address-family ", "af-interface ", "key ", "peer ", "topology ")
#: What `no` needs to remove a redistribution: with options it removes only these.
_REDISTRIBUTION: Final = re.compile(r"redistribute [a-z]+(?: \d+)?")


def removal(line: str) -> str:
    """Return the line that removes a line with all its options."""
    if line.startswith("no "):
        return line.removeprefix("no ")
    whole = _REDISTRIBUTION.match(line)
    return f"no {whole[0] if whole is not None else line}"


class Lines(Value):
    """Lines of a configuration, or of one section of it without its indentation."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Lines:
        """Read a configuration."""
        return cls(tuple(tree_of(text).render()))

    def section(self, header: str) -> Lines:
        """Return the lines below the first line that begins with `header`; no lines if there is none."""
        body: list[str] = []
        inside = False
        for line in self.lines:
            if inside and line.startswith(" "):
                body.append(line[1:])
            elif inside and line != "!":
                break
            elif line == header or line.startswith(f"{header} ") or (header.endswith(" ") and line.startswith(header)):
                inside = True
        return Lines(tuple(body))

    def headers(self, beginning: str) -> tuple[str, ...]:
        """Return the lines of this level that begin so."""
        return tuple(line for line in self.lines if line.startswith(beginning))

    def value(self, beginning: str) -> str:
        """Return the rest of the first line with this beginning; "" if there is none."""
        return next((line[len(beginning) :].strip() for line in self.lines if line.startswith(beginning)), "")

    def has(self, beginning: str) -> bool:
        """Return whether there is such a line."""
        return any(line == beginning or line.startswith(f"{beginning} ") for line in self.lines)


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines to type with the indentation of a configuration: below the lines that open their sections."""
    depth = 0
    for line in lines:
        depth = 0 if line.removeprefix("no ").startswith(_OUTERMOST) else depth - line.startswith("exit-")
        yield f"{' ' * depth}{line}"
        depth += line.startswith(_OPENING)


def after(text: str, lines: Sequence[str]) -> str:
    """Return the configuration when these lines were typed. Raises UserError for a line that it does not take."""
    return "\n".join([*lines_after(text, lines), "end"]) + "\n"


def lines_after(text: str, lines: Sequence[str]) -> list[str]:
    """Return the same as its lines."""
    result = configurator(FEATURES).parse_text("\n".join(lines), tree_of(text))
    wrong = _first_wrong(result)
    if wrong is not None:
        raise UserError(wrong[1])
    return result.tree.render()


@lru_cache(maxsize=64)
def tree_of(text: str) -> ConfigTree:
    """Parse a configuration, to read or to copy; cached, as those of one network are needed again and again."""
    return configurator(FEATURES).parse_text(text).tree


def with_lines(text: str, lines: Sequence[str]) -> str:
    """Return the text with lines at its end, so that existing lines keep their numbers.

    A mark is before them: a truncated file, or an unfinished multi-line text in it, is judged without the added lines.
    """
    body = text.rstrip("\n")
    body = body.removesuffix("end").rstrip("\n") if ADDED in body else f"{body}\n{ADDED}"
    return "\n".join([body, *lines, "end"]) + "\n"


def check(text: str, file: str) -> None:
    """Check that every line of a configuration holds.

    Raises UserError that names the file and the first invalid line.
    """
    wrong = _first_wrong(configurator(FEATURES).parse_text(text))
    if wrong is not None:
        raise UserError(f"{file}:{wrong[0]}: {wrong[1]}")


def _first_wrong(result: ConfigResult) -> tuple[int, str] | None:
    """Return the number of the first line that the prompt would refuse, and why.

    An unknown line counts as wrong as well: these texts are our own.
    """
    for problem in result.problems:
        if not problem.is_warning:
            message = " ".join(line.strip() for line in problem.message_lines if line.strip(" ^"))
            return problem.line_number, f"{problem.shown.strip()}: {message}"
    for entry in result.entries:
        if entry.group is UNKNOWN:
            return entry.number, f"{entry.shown}: % Invalid input: this line is unknown"
    return None


def difference(before: str, now: str, name: str) -> list[str]:
    """Return a unified diff of two configurations."""
    ends = (f"{name} before", f"{name} now")
    return list(unified_diff(before.splitlines(), now.splitlines(), *ends, lineterm="", n=2))


# ------------------------------------------------------------------------------------------------ processes


_FAMILY: Final = "address-family ipv4"
#: Lines of BGP that stay with the process.
_OF_PROCESS: Final = ("bgp ", "timers bgp ", "address-family ", "exit-address-family")


class Process(Value):
    """header: of the process. family: of its address family, "": none. body: the lines there."""

    header: str
    family: str
    body: tuple[str, ...]


def process_of(lines: Lines, beginning: str, vrf: str) -> Process | None:
    """Return the first process whose header begins so and that has lines for a table, "": the global one."""
    return next(processes_of(lines, beginning, vrf), None)


def processes_of(lines: Lines, beginning: str, vrf: str) -> Iterator[Process]:
    """Yield all of them."""
    for header in lines.headers(beginning):
        section = lines.section(header)
        words = header.split()
        if words[1] == "ospf":
            if vrf == (words[4] if words[3:4] == ["vrf"] else ""):
                yield Process(header, "", _body(section.lines))
            continue
        families = section.headers(_FAMILY)
        named = words[1] == "eigrp" and not words[2].isdigit()
        if vrf or named:
            for family in families:
                if f" vrf {vrf} " in f"{family} " if vrf else " vrf " not in family:
                    yield Process(header, family, _body(section.section(family).lines))
            continue
        own = tuple(line for line in _body(section.lines) if not line.startswith((" ", *_OF_PROCESS)))
        if any(line.startswith(("network ", "neighbor ", "redistribute ")) for line in own):
            yield Process(header, "", own)


def moved(process: Process, before: str, vrf: str) -> tuple[str, ...]:
    """Return the lines that move a process from a table into another one. "": the global table."""
    words = process.header.split()
    within = f" vrf {vrf}" if vrf else ""
    if words[1] == "ospf":
        return f"no {process.header}", f"router ospf {words[2]}{within}", *process.body
    if process.family:
        leave = (process.header, f"no {process.family}")
        if words[1] != "eigrp":
            return *leave, *((f"{_FAMILY}{within}",) if vrf else ()), *process.body
        if words[2].isdigit() and not vrf:
            return *leave, f"router eigrp {process.family.split()[-1]}", *process.body
        bare = process.family.replace(f" vrf {before}", "")
        return *leave, bare.replace(" autonomous-system", f"{within} autonomous-system"), *process.body
    if words[1] == "eigrp":
        return f"no {process.header}", process.header, f"{_FAMILY}{within} autonomous-system {words[2]}", *process.body
    # A neighbor of BGP goes with all its lines.
    keys = [" ".join(line.split()[:2]) if line.startswith("neighbor ") else line for line in process.body]
    gone = (removal(line) for line in dict.fromkeys(keys) if not line.startswith("no "))
    return process.header, *gone, f"{_FAMILY}{within}", *process.body


def _body(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if line.strip() != "!")
