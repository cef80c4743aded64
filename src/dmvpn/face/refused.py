"""Commands that engineers type and that nothing here can carry out: each says what does the same.

reload in, at, cancel    a change that takes itself back
ssh, telnet              a program of the machine, from this router
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios import Args, Change, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.ios import ShowContext

#: Of `configure terminal revert timer`: where `reload in` names no time, and at most.
_USUAL_MINUTES, _MOST_MINUTES = 10, 120
_RELOAD: Final[Mapping[str, str]] = {
    "reload": "Start this router again",
    "in": "After some time",
    "delay": "mmm or hhh:mm",
    "at": "At a time of day",
    "time": "hh:mm",
    "reason": "Why",
    "cancel": "Do not, after all",
}
_AWAY: Final[Mapping[str, str]] = {
    "ssh": "Log in elsewhere by SSH",
    "telnet": "Log in elsewhere by Telnet",
    "arguments": "Where, and how",
}


def _no_reload_later(_: ShowContext, args: Args) -> Change:
    minutes = _minutes(args.text("delay", ""))
    return Change(
        said=(
            "% Error: this router cannot start itself again. A change that takes itself back unless you confirm it:",
            f"%        configure terminal revert timer {minutes}, and then configure confirm (or configure revert now)",
        ),
        failed=True,
    )


def _minutes(delay: str) -> int:
    """Return how long `reload in` was to wait, as `configure terminal revert` takes it: 1 to 120."""
    hours, _, minutes = delay.rpartition(":")
    if not (minutes.isdecimal() and (hours.isdecimal() or not hours)) or len(delay) > len("hhh:mm"):
        return _USUAL_MINUTES
    return min(max(60 * int(hours or 0) + int(minutes), 1), _MOST_MINUTES)


def _no_reload_to_cancel(_: ShowContext, __: Args) -> Change:
    return Change(said=("%No reload is scheduled.",), failed=True)


def _no_client(ctx: ShowContext, args: Args) -> Change:
    return Change(
        said=(
            "% Error: no client runs on this router. A program of its machine connects from here: in a lab with real "
            "packets,",
            f"%        dmvpn lab exec {ctx.hostname} {args.words[0]} {args.text('arguments')}",
            "%        In a simulated lab no connection leaves: dmvpn shell NAME is the prompt of another router.",
        ),
        failed=True,
    )


REFUSED: Final = (
    ExecCommand("reload in {delay:word} [ {reason:line} ]", _RELOAD, action=_no_reload_later, privilege=15),
    ExecCommand("reload at {time:word} [ {reason:line} ]", _RELOAD, action=_no_reload_later, privilege=15),
    ExecCommand("reload cancel", _RELOAD, action=_no_reload_to_cancel, privilege=15),
    ExecCommand("ssh {arguments:line}", _AWAY, action=_no_client),
    ExecCommand("telnet {arguments:line}", _AWAY, action=_no_client),
)
