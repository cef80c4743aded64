#!/usr/bin/env python3
"""Check command outputs with the parsers that network automation users run.

Every output is given to the Genie parser (genie.libs.parser, iosxe then ios) and to the ntc-templates parser
(cisco_ios) for its command, when such a parser exists.

Input, one of:
  * a directory with one file per command, the file name being the command with underscores for spaces:
    show_ip_nhrp_detail.txt. A slash in a command is written "%2F", a pipe "%7C", an underscore that belongs to the
    command "%5F". A trailing "__something" is ignored (show_ip_route__R31.txt is "show ip route"). A first line
    "! command: <the command>" in the file overrides the name; lines before the first output line that begin with
    "! source:" are dropped too.
  * a JSON file: {"command": "output", ...} or [{"command": ..., "output": ...}, ...]
  * a Markdown file: every fenced block opened by a line "```text <command>"

  A name that ends in "__empty" says that the table is empty on purpose: a legend alone is right.

Report: one line per command and parser, PASS / FAIL / none (no parser for this form: KNOWN_LIMITS lists the forms that
real routers print and a parser cannot read).

A parse fails when the parser raises, returns nothing, or (Genie) the result does not satisfy its schema. An output
which IOS prints as an error ("% Invalid input ...") is always a failure.
Exit code 0: everything that has a parser parsed; 1: something failed; 2: usage.

Needs requirements/parsers.txt, or requirements/dev.txt with `--only ntc`.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import logging
import os
import re
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

# Commands whose usual spelling Genie does not know, with the spelling it does.
GENIE_ALIASES = [
    (r"^show interface$", "show interfaces"),
    (r"^show crypto ikev2 sa detailed$", "show crypto ikev2 sa detail"),
    (r"^show ipv6 static$", "show ipv6 static detail"),
    (r"^show ip route next-hop-override$", "show ip route"),
    (r"^show ip route (\d+\.\d+\.\d+\.\d+)/(\d+)$", r"show ip route \1"),
    (r"^show ip route (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+)$", r"show ip route \1"),
    (r"^show running-config \| section (.*)$", r"show running-config | section \1"),
]
# Parsers to use first for a command that several Genie parsers claim: pattern, module, class.
GENIE_FORCE = [
    (r"^show ip route (?P<route>\d+\.\d+\.\d+\.\d+)", "show_routing", "ShowIpRouteWord"),
    (r"^show bgp (?P<address_family>ipv6 unicast)$", "show_bgp", "ShowBgp"),
    (r"^ping (?P<addr>\d+\.\d+\.\d+\.\d+)", "ping", "Ping"),
    (r"^traceroute \d+\.\d+\.\d+\.\d+", "traceroute", "Traceroute"),
]
# Commands that ntc-templates would give to the template of a different command.
NTC_SKIP = re.compile(
    r"^show (interfaces trunk|spanning-tree summary|ip (route \d+\.\d|cef \d+\.\d|rip )|dmvpn (changes|events) )"
)
# Tried only when ntc-templates has no template for the command as typed.
NTC_ALIASES = [
    (r"^show interface(s?)( \S+( ?\d\S*)?)?$", "show interfaces"),
    (r"^show ip interface (?!brief)\S+$", "show ip interface"),
    (r"^show ip route( \S.*)?$", "show ip route"),
    (r"^show ip cef( \S+)?$", "show ip cef"),
    (r"^show ip eigrp neighbors( \S+)?$", "show ip eigrp neighbors"),
    (r"^ping .*", "ping"),
    (r"^traceroute .*", "traceroute"),
    (r"^show logging .*", "show logging"),
]
# Forms that real routers print and these parsers cannot read (tried with genie 26.9, ntc-templates 9.3):
# engine, command, text in the output.
KNOWN_LIMITS = [
    ("ntc", r"^show dmvpn .*detail", ""),
    ("ntc", r"^show dmvpn", r"IPv6 NHRP Details"),
    ("genie", r"^show dmvpn", r"IPv6 NHRP Details"),
    ("genie", r"^show ipv6 eigrp neighbors", r"FE80::\d+$"),  # it wants five colons in a link-local address
    ("genie", r"^show ipv6 ospf (interface brief|neighbor detail)", ""),  # it takes the words for an interface
    ("ntc", r"^show ip bgp \d", ""),
    ("ntc", r"^show ip bgp summary", r"(?m)^\*\d"),
    ("ntc", r"^show ip eigrp topology \d", ""),
    ("ntc", r"^show ip eigrp neighbors", r"EIGRP-IPv4 VR\("),
    ("ntc", r"^show running-config interface", r"^ tunnel "),
    ("genie", r"^show ip eigrp interfaces", r"EIGRP-IPv4 VR\("),
    ("genie", r"^show ip eigrp topology \d", ""),  # it has a parser for IPv6 alone, and takes that
    ("ntc", r"^show crypto pki certificates verbose", ""),
    ("genie", r"^show crypto session brief", ""),
    ("genie", r"^show crypto session fvrf", ""),
    ("genie", r"^show ip sla configuration", r"^IP SLAs Infrastructure Engine-III"),
    ("genie", r"^show ip access-lists interface", ""),  # it takes the words behind `access-lists` for a list's name
    ("genie", r"^show ip vrf interfaces", ""),  # it takes the parser of show ip vrf
    ("genie", r"^show crypto ikev2 session detailed", r"NAT-T is detected"),
    ("genie", r"^show ip dhcp server statistics", ""),  # it wants memory, and counters of IOS XE alone
    ("ntc", r"^show ip dhcp binding", r"State      Interface"),  # columns of IOS XE
    ("ntc", r"^show crypto ipsec sa detail", r"protected vrf[\s\S]*protected vrf"),
]
ERROR = re.compile(r"^% ?(Invalid input|Incomplete command|Ambiguous command|Unknown command)", re.MULTILINE)
ESCAPES = {"%2f": "/", "%7c": "|", "%5f": "_"}


@dataclass(frozen=True, slots=True)
class Output:
    """What a router printed. name: of the file or entry it comes from."""

    name: str
    command: str
    text: str

    @property
    def empty_on_purpose(self) -> bool:
        return Path(self.name).stem.endswith("__empty")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one parser says.

    status: PASS, FAIL or none.
    parser: which one; extracted with PASS, error with FAIL.
    """

    status: str
    parser: str | None = None
    extracted: Json = None
    error: str | None = None

    def __str__(self) -> str:
        match self.status:
            case "PASS":
                return f"PASS ({self.parser}, {count(self.extracted)} values)"
            case "FAIL":
                return f"FAIL ({self.parser}: {self.error})"
            case _:
                return "none"


NONE = Verdict("none")


@dataclass(slots=True)
class Entry:
    """The line of the report about one output."""

    name: str
    command: str
    status: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> Json:
        results: dict[str, Json] = {}
        for engine, verdict in self.verdicts.items():
            detail = "extracted" if verdict.status == "PASS" else "error"
            found = verdict.extracted if verdict.status == "PASS" else verdict.error
            results[engine] = {"status": verdict.status, "parser": verdict.parser, detail: found}
        return {"name": self.name, "command": self.command, "status": self.status, "results": results}


class Engine(Protocol):
    """One family of parsers."""

    name: str

    def run(self, output: Output) -> Verdict: ...


class Genie:
    """Cisco's own parsers. Each result is checked against the parser's schema."""

    name = "genie"

    def __init__(self, systems: Sequence[str], outputs: Sequence[Output]) -> None:
        with quiet():
            self._device = importlib.import_module("genie.conf.base").Device
            self._get_parser = importlib.import_module("genie.libs.parser.utils").get_parser
        answers = {output.command: output.text for output in outputs}
        self._devices = [self._make_device(system, answers) for system in systems]

    def _make_device(self, system: str, answers: dict[str, str]) -> GenieDevice:
        device = cast("GenieDevice", self._device(name="router", os=system))
        device.custom = {"abstraction": {"order": ["os"]}}
        device.is_connected = lambda *_args, **_options: True
        # Some parsers ask for further commands; answer from the same batch.
        device.execute = lambda command, *_args, **_options: answers.get(command, "")
        return device

    def run(self, output: Output) -> Verdict:
        command = rewrite(output.command, GENIE_ALIASES)
        verdict = NONE
        for device in self._devices:
            found = self._find(command, device)
            if found is None:
                continue
            verdict = self._parse(output.text, device, *found)
            if verdict.status == "PASS":
                break
        return verdict

    def _find(self, command: str, device: GenieDevice) -> tuple[GenieParser, dict[str, str]] | None:
        for pattern, module, name in GENIE_FORCE:
            match = re.match(pattern, command)
            if match:
                try:
                    loaded = importlib.import_module(f"genie.libs.parser.{device.os}.{module}")
                    return cast("GenieParser", getattr(loaded, name)), match.groupdict()
                except (ImportError, AttributeError):
                    break
        try:
            with quiet():
                found = self._get_parser(command, device)
        except Exception:  # "no such parser" has many types
            return None
        if isinstance(found, list):
            found = found[0]
        parser, options = cast("GenieParser", found[0]), dict(found[1] or {})
        if parser.__name__ not in ("Ping", "Traceroute"):
            options.pop("command", None)
        return parser, options

    @staticmethod
    def _parse(text: str, device: GenieDevice, parser: GenieParser, options: dict[str, str]) -> Verdict:
        name = f"{device.os}.{parser.__name__}"
        try:
            with quiet():
                result = parser(device=device).parse(output=text, **options)
            extracted = cast("Json", json.loads(json.dumps(result, default=str)))
        except Exception as error:  # a parser raises anything
            return Verdict("FAIL", name, error=describe(error))
        return Verdict("PASS", name, extracted) if filled(extracted) else Verdict("FAIL", name, error="empty result")


class Ntc:
    """The TextFSM templates of the networktocode community."""

    name = "ntc"

    def __init__(self) -> None:
        self._parse_output = importlib.import_module("ntc_templates.parse").parse_output

    def run(self, output: Output) -> Verdict:
        if NTC_SKIP.match(output.command):
            return NONE
        for command in (output.command, rewrite(output.command, NTC_ALIASES)):
            try:
                rows = cast("Json", self._parse_output(platform="cisco_ios", command=command, data=output.text))
            except Exception as error:  # a template raises anything
                if "No template found" in str(error):
                    continue
                return Verdict("FAIL", f"cisco_ios:{command}", error=describe(error))
            if rows:
                return Verdict("PASS", f"cisco_ios:{command}", rows)
            return Verdict("FAIL", f"cisco_ios:{command}", error="no rows")
        return NONE


class GenieDevice(Protocol):
    os: str
    custom: dict[str, dict[str, list[str]]]
    is_connected: Callable[..., bool]
    execute: Callable[..., str]


class GenieParser(Protocol):
    __name__: str

    def __call__(self, *, device: GenieDevice) -> BoundGenieParser: ...


class BoundGenieParser(Protocol):
    def parse(self, *, output: str, **options: str) -> object: ...


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, nothing is printed: the parsers chat."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def describe(error: Exception) -> str:
    """Return one line of at most 400 characters about what a parser raised."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


def rewrite(command: str, table: Sequence[tuple[str, str]]) -> str:
    """Return the command in the spelling of the first row of `table` that fits it."""
    for pattern, target in table:
        if re.match(pattern, command):
            return re.sub(pattern, target, command)
    return command


def filled(value: Json, depth: int = 0) -> bool:
    """Return whether a result counts when it holds a value, or empty containers only below the third level."""
    if isinstance(value, dict | list):
        if not value:
            return depth >= 3
        return any(filled(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value))
    return True


def count(value: Json) -> int:
    """Return how many values a result holds at any depth."""
    if isinstance(value, dict | list):
        return sum(count(item) for item in (value.values() if isinstance(value, dict) else value))
    return 1


def load(source: Path) -> list[Output]:
    """Return the outputs in a directory, a Markdown file or a JSON file. Raises OSError, ValueError or KeyError."""
    if source.is_dir():
        files = (path for path in sorted(source.iterdir()) if path.suffix in (".txt", ".raw", ".out"))
        return [load_file(path) for path in files]
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".md":
        blocks = re.findall(r"^```text +(\S[^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        return [Output(f"{source.name}#{i}", command.strip(), output) for i, (command, output) in enumerate(blocks, 1)]
    entries = json.loads(text)
    if isinstance(entries, dict):
        return [Output(command, command, output) for command, output in entries.items()]
    return [Output(entry.get("name", entry["command"]), entry["command"], entry["output"]) for entry in entries]


def load_file(path: Path) -> Output:
    """Return one file of a directory: its name is the command, unless its first line gives another."""
    command = path.stem.split("__", 1)[0].replace("_", " ")
    command = re.sub("%(2f|7c|5f)", lambda match: ESCAPES[match[0].lower()], command, flags=re.IGNORECASE)
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    while lines and re.match(r"! ?(command|source):", lines[0]):
        match = re.match(r"! ?command: *(.*\S)", lines.pop(0))
        if match:
            command = match[1]
    return Output(path.name, command.strip(), "\n".join(lines))


def check(
    outputs: Sequence[Output], engines: Sequence[Engine], required: Sequence[str], *, strict: bool
) -> list[Entry]:
    """Return the report: an entry for each output, and one for each required command that has none."""
    report = [check_one(output, engines, must_parse=strict or output.command in required) for output in outputs]
    absent = sorted(set(required) - {output.command for output in outputs})
    return report + [Entry(command, command, "FAIL", error="required command has no output") for command in absent]


def check_one(output: Output, engines: Sequence[Engine], *, must_parse: bool) -> Entry:
    verdicts = {engine.name: judge(output, engine) for engine in engines}
    statuses = {verdict.status for verdict in verdicts.values()}
    if "FAIL" in statuses:
        status = "FAIL"
    elif "PASS" in statuses:
        status = "PASS"
    else:
        status = "FAIL" if must_parse else "none"
    return Entry(output.name, output.command, status, verdicts)


def judge(output: Output, engine: Engine) -> Verdict:
    """The engine's verdict, softened where the output is empty on purpose or the parser is known to be short of it."""
    if ERROR.search(output.text):
        return Verdict("FAIL", error="the output is an IOS error message")
    for name, command, text in KNOWN_LIMITS:
        if name == engine.name and re.search(command, output.command) and re.search(text, output.text, re.MULTILINE):
            return NONE
    verdict = engine.run(output)
    return NONE if verdict.status == "FAIL" and output.empty_on_purpose else verdict


def show(report: Sequence[Entry], *, extracted: bool) -> None:
    for entry in report:
        said = "; ".join(f"{engine} {verdict}" for engine, verdict in entry.verdicts.items())
        print(f"{entry.status:<4} {entry.command[:45]:<45} {said or entry.error}")
        for engine, verdict in entry.verdicts.items():
            if extracted and verdict.status == "PASS":
                print(f"     {engine}: {json.dumps(verdict.extracted)}")
    statuses = [entry.status for entry in report]
    print(f"{len(report)} outputs, {statuses.count('FAIL')} failed, {statuses.count('none')} without a parser")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0], epilog="The head of this file explains the input."
    )
    parser.add_argument("source", type=Path, help="directory of <command>.txt files, a JSON file or a Markdown file")
    parser.add_argument("--json", action="store_true", help="machine-readable report, with what was extracted")
    parser.add_argument("--show", action="store_true", help="print what was extracted")
    parser.add_argument("--only", choices=("genie", "ntc"), help="one family of parsers")
    parser.add_argument("--os", choices=("iosxe", "ios"), action="append", help="for Genie; may be repeated")
    parser.add_argument("--require", action="append", default=[], metavar="CMD", help="fail when no parser took CMD")
    parser.add_argument("--strict", action="store_true", help="fail when any command has no parser at all")
    args = parser.parse_args(argv)
    try:
        outputs = load(args.source)
    except (OSError, ValueError, KeyError) as error:
        print(f"parse_check: {error}", file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    engines: list[Engine] = []
    if args.only != "ntc":
        engines.append(Genie(args.os or ["iosxe", "ios"], outputs))
    if args.only != "genie":
        engines.append(Ntc())
    report = check(outputs, engines, args.require, strict=args.strict)
    failed = sum(entry.status == "FAIL" for entry in report)
    if args.json:
        print(json.dumps({"ok": not failed, "failed": failed, "commands": [e.as_json() for e in report]}, indent=1))
    else:
        show(report, extracted=args.show)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
