"""A foreign file: which lines run, which are merely kept, which are left out, and which tunnels stay down as a result.

    take_in(text)     reads it                                      -> EnteredText
    report(entered)    the list for people, by group
    put_in(result)    in one line, what its release has on without showing it

A router that keeps a line does nothing with it. Lines that restrict or divert traffic are left out, because their owner
relies on the effect; and an unknown line of tunnels or cryptography may have protected a tunnel, so each tunnel that it
could protect is shut down rather than started in clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dmvpn.base.errors import some
from dmvpn.base.values import Value
from dmvpn.features.tunnel.config import MODE, PROTECTION
from dmvpn.features.tunnel.config import model as tunnel_model
from dmvpn.ios import INTERFACE, ConfigResult, ConfigTree, Fate, LineGroup, LineReport, is_marked, marked, permission
from dmvpn.ios.account import is_crypto_map, placeholder_in
from dmvpn.ios.common import SHUTDOWN
from dmvpn.ios.damage import is_of_tunnels
from dmvpn.ios.grammar import Args
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.ios.protection import asks_for_protection, is_about_something_else
from dmvpn.ios.section import Statement
from dmvpn.ios.transcript import is_log
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

_TUNNEL: Final = "interface Tunnel"
#: How the lines begin that may protect every tunnel: certificates, keys and profiles.
_CRYPTO: Final = "crypto"
#: So many lines of a group are quoted; of the others the numbers.
_QUOTED: Final = 3
_NUMBERS: Final = 12
#: At most so much of a line is quoted: a file may have lines of a megabyte.
_LONGEST_QUOTE: Final = 160


class EnteredText(Value):
    """What a text made.

    held: the tunnels that are shut down.
    text: what a router is started with.
    because: of each held tunnel, the first line that could be what protects it.
    """

    result: ConfigResult
    held: tuple[str, ...]
    text: str
    because: tuple[LineReport, ...] = ()

    @property
    def tree(self) -> ConfigTree:
        """The configuration, with the tunnels shut down that are held."""
        return self.result.tree

    @property
    def to_keep(self) -> str:
        """The text that is written for it: as it came if it is a configuration that says everything, and nothing else.

        Else what a router would show: the log of a terminal is no configuration that another program would read.
        """
        is_said = self.is_whole and not (self.result.put_in or self.result.is_moved or is_log(self.text))
        lines = self.text.strip("\n").splitlines() if is_said else [*self.tree.render(), "end"]
        permitting = [line] if (line := self.permission) else []
        return "\n".join(marked([*permitting, *lines])) + "\n"

    @property
    def permission(self) -> str:
        """The line that permits weak algorithms, if they ran without it and a file with our mark needs it, or ""."""
        is_foreign = self.result.release is None and not is_marked(self.text.splitlines())
        line = permission(self.tree, None) if is_foreign else ""
        return "" if line in self.text else line

    def with_fate(self, fate: Fate) -> tuple[LineReport, ...]:
        """Return the lines that had this fate."""
        return tuple(entry for entry in self.result.entries if entry.fate is fate)

    @property
    def is_whole(self) -> bool:
        """Whether every line runs, or is kept without harm."""
        return _is_whole(self.result)

    def why_held(self, file: str = "") -> Iterator[str]:
        """Yield of each held tunnel which line holds it. file: what its lines are of, "" where that is clear."""
        for name, entry in zip(self.held, self.because, strict=True):
            where = f"{file}:{entry.number}" if file else f"line {entry.number}"
            if entry.is_loss:
                said = entry.message_lines[0].removeprefix("% ")
                yield f"{name} stays shut down: {where}: {said[0].lower()}{said[1:]}"
                continue
            yield f"{name} stays shut down: {where}, `{_quote(entry)}`, is not taken and could be what protects it"


def take_in(text: str) -> EnteredText:
    """Read a file by the rule of files. Nothing is run."""
    return hold(configurator(FEATURES).parse_text(text, weak=True), text)


def hold(result: ConfigResult, text: str, before: ConfigTree | None = None) -> EnteredText:
    """Return what a text made, with the tunnels shut down that one of its refused lines could protect.

    before: what the text was put on top of. A tunnel that was protected there, and still is, is never in clear.
    """
    refused = [entry for entry in result.entries if _may_hold(entry)]
    held = {
        name: entry
        for name, entry in _held(result.tree, refused)
        if not (before is not None and _is_protected(before, name) and _is_protected(result.tree, name))
    }
    for name in held:
        section = result.tree.section(INTERFACE, name=name)
        if section is not None:
            section.put(Statement(SHUTDOWN, Args({}, ("shutdown",), ("shutdown",))))
    taken = text if _is_whole(result) else "\n".join([*result.tree.render(), "end"]) + "\n"
    return EnteredText(result, tuple(held), taken, tuple(held.values()))


def _is_protected(tree: ConfigTree, name: str) -> bool:
    section = tree.section(INTERFACE, name=name)
    return section is not None and section.get(PROTECTION) is not None


def _is_whole(result: ConfigResult) -> bool:
    return not any(entry.fate in (Fate.REFUSED, Fate.LEFT_OUT) for entry in result.entries)


def _may_hold(entry: LineReport) -> bool:
    """Return whether a line may hold tunnels. A template's placeholder for a value holds none, unless the line asks for
    protection: without its key or policy, a protected tunnel does not come up in clear.
    """
    if entry.fate is not Fate.REFUSED:
        return entry.fate is Fate.LEFT_OUT and entry.group is not None and entry.group.protects
    value = placeholder_in(entry.text, refused=True)
    return not value or entry.text.startswith(value) or asks_for_protection(entry.text)


def _held(tree: ConfigTree, refused: Sequence[LineReport]) -> Iterator[tuple[str, LineReport]]:
    """Yield the tunnels that one of these lines could protect, in the order of the configuration, each with that
    line.
    """
    tunnels = [
        (name, section)
        for args, section in tree.sections(INTERFACE)
        if (name := args.interface("name")).startswith("Tunnel")
    ]
    if not tunnels:
        return
    inside: dict[str, LineReport] = {}
    crypto = stray = None
    for entry in refused:
        header = "" if entry.is_stray or not entry.path else entry.path[0]
        for own in {header, *entry.path[:1]} if entry.is_loss or not is_about_something_else(entry.text) else ():
            inside.setdefault(own, entry)
        if crypto is None and _CRYPTO in (_first(header), _first(entry.text)) and not is_crypto_map(entry.text):
            crypto = entry
        if stray is None and _is_stray(header, entry):
            stray = entry
    for name, section in tunnels:
        is_protected = section.get(PROTECTION) is not None
        holding = inside.get(f"interface {name}") or (crypto if is_protected else stray)
        if holding is not None:
            yield name, holding


def _is_stray(header: str, entry: LineReport) -> bool:
    """Return whether it could have protected the tunnel that it was meant for.

    A text without an end may have swallowed anything.
    """
    if entry.is_loss:
        return entry.is_stray
    return not header.startswith(_TUNNEL) and (is_of_tunnels(entry.text) or asks_for_protection(entry.text))


def _first(line: str) -> str:
    return line.split(None, 1)[0].lower() if line.strip() else ""


def without_effect(tree: ConfigTree) -> Iterator[tuple[str, str, str]]:
    """Yield interfaces that are not what one of their lines makes of them: the name, how the line begins, and the
    consequence.
    """
    for tunnel in tunnel_model(tree).tunnels:
        if not tunnel.shutdown and tunnel.unbuilt is not None:
            yield tunnel.name, "tunnel", f"stays down: {tunnel.unbuilt}"
    for args, section in tree.sections(INTERFACE):
        name = args.interface("name")
        if name.startswith("Tunnel") and "dhcp" in section.args(ADDRESS):
            yield name, "ip address dhcp", "has no address: nothing here asks a DHCP server through a tunnel"
        elif name.startswith("Virtual-Template") and section.get(MODE) is not None:
            yield name, "tunnel mode", "is the template of no tunnel here"


_HEADINGS: Final = {
    Fate.REFUSED: "refused, and not in the configuration",
    Fate.LEFT_OUT: "left out: not supported",
    Fate.KEPT: "kept without effect",
}


def report(entered: EnteredText, fates: Sequence[Fate] = tuple(_HEADINGS)) -> Iterator[str]:
    """Yield the list by group: what does not simply run, where it is, and what that means for a DMVPN."""
    for fate in fates:
        entries = entered.with_fate(fate)
        if not entries:
            continue
        yield f"{len(entries)} {'line' if len(entries) == 1 else 'lines'} {_HEADINGS[fate]}"
        by_group: dict[str, list[LineReport]] = {}
        for entry in sorted(entries, key=lambda entry: entry.number):
            by_group.setdefault(entry.group.name if entry.group is not None else "", []).append(entry)
        for name in sorted(by_group):
            yield from _group(name, by_group[name])
    warnings = [problem for problem in entered.result.problems if problem.is_warning] if Fate.REFUSED in fates else []
    for problem in warnings[: _NUMBERS * _QUOTED]:
        yield f"line {problem.line_number}: {' '.join(problem.message_lines).strip().removeprefix('% ')}"
    if Fate.REFUSED in fates:
        yield from entered.why_held()


def put_in(result: ConfigResult) -> str:
    """Return in one line what the file's release has on without showing it, and where; "" for none."""
    if not result.put_in:
        return ""
    where: dict[str, list[str]] = {}
    for line, interface in result.put_in:
        where.setdefault(line, []).append(interface)
    lines: dict[tuple[str, ...], list[str]] = {}
    for line, names in where.items():
        lines.setdefault(tuple(names), []).append(f"`{line}`")
    put = []
    for interfaces, said in lines.items():
        words = " and ".join(([", ".join(said[:-1])] if len(said) > 1 else []) + [said[-1]])
        put.append(f"{words} at {some(interfaces, _NUMBERS)}" if any(interfaces) else words)
    return f"version {result.release} has this on without showing it, so it was put in: {'; '.join(put)}"


def _quote(entry: LineReport) -> str:
    """Return the line without its keys, and not too long."""
    shown = entry.shown
    return shown if len(shown) <= _LONGEST_QUOTE else f"{shown[:_LONGEST_QUOTE]}..."


def _group(name: str, entries: Sequence[LineReport]) -> Iterator[str]:
    group: LineGroup | None = entries[0].group
    if group is None:
        for entry in entries[: _NUMBERS * _QUOTED]:
            said, *more = [line.strip() for line in entry.message_lines if line.strip(" ^")] or [""]
            answers = (said, *(line for line in more if line.startswith("% ")))
            text = " ".join(line.removeprefix("% ") for line in answers)
            yield f"  line {entry.number}: {_quote(entry)}: {text}"
        if len(entries) > _NUMBERS * _QUOTED:
            yield f"  and {len(entries) - _NUMBERS * _QUOTED} more"
        return
    yield f"  {name}: {group.meaning}" if group.meaning else f"  {name}"
    for entry in entries[:_QUOTED]:
        yield f"    line {entry.number}: {_quote(entry)}"
    rest = entries[_QUOTED:]
    if rest:
        numbers = ", ".join(str(entry.number) for entry in rest[:_NUMBERS])
        yield f"    and line{'s' if len(rest) > 1 else ''} {numbers}{', ...' if len(rest) > _NUMBERS else ''}"
