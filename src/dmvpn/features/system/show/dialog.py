"""`ping` and `traceroute` without a destination: they ask for everything, one question a line, as IOS does.

    ask_ping(ctx, args), ask_traceroute(ctx, args)      the first question

An empty answer takes the default in brackets. A wrong one is named, and the question comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.events import Event
from dmvpn.base.values import Value
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.ios import Args, Ask, ShowContext, normalize_interface

Answers = dict[str, str]


class DialogStep(Value):
    """One question.

    prompt: without the default.
    name: of its answer.
    default: the meaning of an empty answer; the prompt shows it in brackets, unless it is "" or already there.
    wrong: returns the problem of an answer, "" if there is none.
    more: the questions that follow if the answer is yes.
    """

    prompt: str
    name: str
    default: str = ""
    wrong: Callable[[str], str] = lambda _: ""
    more: tuple[DialogStep, ...] = ()

    @property
    def line(self) -> str:
        """The prompt as the user sees it."""
        is_shown = self.default and not self.prompt.endswith("]")
        return f"{self.prompt} [{self.default}]: " if is_shown else f"{self.prompt}: "


def _number(least: int, most: int) -> Callable[[str], str]:
    def wrong(text: str) -> str:
        if text.isascii() and text.isdecimal() and len(text) < len(str(most)) + 1 and least <= int(text) <= most:
            return ""
        return f"% A decimal number between {least} and {most}."

    return wrong


def _yes_or_no(text: str) -> str:
    is_answer = text != "" and any(word.startswith(text.lower()) for word in ("yes", "no"))
    return "" if is_answer else "% Please answer 'yes' or 'no'."


def _is_yes(text: str) -> bool:
    return text[:1].lower() == "y"


def _target(text: str) -> str:
    return "" if text and len(text.split()) == 1 else "% Bad IP address"


def _source(text: str) -> str:
    is_known = not text or _address(text) is not None or normalize_interface(text) is not None
    return "" if is_known else "% Invalid source: an IP address, or an interface without spaces (GigabitEthernet0/1)"


def _address(text: str) -> IPAddress | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _pattern(text: str) -> str:
    digits = text.lower().removeprefix("0x")
    is_hex = 0 < len(digits) <= len("abcd") and all(letter in "0123456789abcdef" for letter in digits)
    return "" if is_hex else "% Invalid pattern: up to four hexadecimal digits"


def _only(default: str, what: str) -> Callable[[str], str]:
    """Return the check of a question whose default is all that there is here."""

    def wrong(text: str) -> str:
        is_default = text == default or (default in ("n", "no") and not _is_yes(text) and not _yes_or_no(text))
        return "" if is_default else f"% {what} here"

    return wrong


def _protocol(text: str) -> str:
    return "" if text.lower() in ("ip", "ipv4") else "% The dialog is for IPv4; for IPv6: ping ipv6 ADDRESS"


_PROTOCOL: Final = DialogStep("Protocol", "protocol", "ip", _protocol)
_TARGET: Final = DialogStep("Target IP address", "target", "", _target)
_OPTIONS: Final = DialogStep(
    "Loose, Strict, Record, Timestamp, Verbose[none]",
    "options",
    "none",
    _only("none", "No options of IP can be sent from"),
)
_OF_PING: Final = (
    _PROTOCOL,
    _TARGET,
    DialogStep("Repeat count", "repeat", "5", _number(1, 2147483647)),
    DialogStep("Datagram size", "size", "100", _number(36, 18024)),
    DialogStep("Timeout in seconds", "timeout", "2", _number(0, 3600)),
    DialogStep(
        "Extended commands",
        "extended",
        "n",
        _yes_or_no,
        (
            DialogStep("Source address or interface", "source", "", _source),
            DialogStep("Type of service", "tos", "0", _only("0", "Echo requests have the type of service 0")),
            DialogStep("Set DF bit in IP header?", "df", "no", _yes_or_no),
            DialogStep("Validate reply data?", "validate", "no", _only("no", "The data of replies is not compared")),
            DialogStep("Data pattern", "pattern", "0xABCD", _pattern),
            _OPTIONS,
        ),
    ),
    DialogStep("Sweep range of sizes", "sweep", "n", _only("n", "All requests have one size")),
)
_OF_TRACEROUTE: Final = (
    _PROTOCOL,
    _TARGET,
    DialogStep("Source address", "source", "", _source),
    DialogStep("Numeric display", "numeric", "n", _yes_or_no),
    DialogStep("Timeout in seconds", "timeout", "3", _number(0, 3600)),
    DialogStep("Probe count", "probes", "3", _number(1, 65535)),
    DialogStep("Minimum Time to Live", "first", "1", _number(0, 255)),
    DialogStep("Maximum Time to Live", "last", "30", _number(1, 255)),
    DialogStep("Port Number", "port", "33434", _number(1, 65535)),
    _OPTIONS,
)


def ask_ping(ctx: ShowContext, args: Args) -> Ask:
    """Ask for the parameters of a ping (`ping`, `ping ip`, `ping vrf NAME`)."""
    vrf = args.text("vrf", "")
    return _ask(
        _steps(_OF_PING, args),
        {},
        lambda answers: StartPing(
            ctx.session,
            destination=answers["target"],
            version=None,
            source=_source_of(answers),
            repeat=int(answers["repeat"]),
            size=int(answers["size"]),
            timeout=int(answers["timeout"]),
            df=_is_yes(answers.get("df", "no")),
            pattern=int(answers.get("pattern", "0xABCD"), 16),
            vrf=vrf,
        ),
    )


def ask_traceroute(ctx: ShowContext, args: Args) -> Ask:
    """Ask for the parameters of a traceroute (`traceroute`, `traceroute ip`, `traceroute vrf NAME`)."""
    vrf = args.text("vrf", "")
    return _ask(_steps(_OF_TRACEROUTE, args), {}, lambda answers: _traceroute(ctx.session, answers, vrf))


def _steps(steps: Sequence[DialogStep], args: Args) -> tuple[DialogStep, ...]:
    """Return the questions that are left: who typed the protocol is not asked for it."""
    return tuple(step for step in steps if step is not _PROTOCOL or "ip" not in args)


def _ask(
    steps: Sequence[DialogStep], so_far: Answers, done: Callable[[Answers], Event], said: tuple[str, ...] = ()
) -> Ask:
    step, rest = steps[0], steps[1:]

    def then(typed: str) -> Ask | Event:
        answer = typed.strip() or step.default
        if complaint := step.wrong(answer):
            return _ask(steps, so_far, done, (complaint,))
        answers = {**so_far, step.name: answer}
        following = (*(step.more if _is_yes(answer) else ()), *rest)
        return _ask(following, answers, done) if following else done(answers)

    return Ask(then=then, prompt=step.line, said=said)


def _traceroute(session: int, answers: Answers, vrf: str) -> StartTraceroute:
    first, last = int(answers["first"]), int(answers["last"])
    return StartTraceroute(
        session,
        destination=answers["target"],
        version=None,
        source=_source_of(answers),
        probes=int(answers["probes"]),
        timeout=int(answers["timeout"]),
        first_ttl=min(first, last),
        last_ttl=last,
        port=int(answers["port"]),
        vrf=vrf,
    )


def _source_of(answers: Mapping[str, str]) -> IPAddress | str | None:
    text = answers.get("source", "")
    return _address(text) or normalize_interface(text) or None
