"""`monitor capture`: the packets of an interface, kept by the shell and exported into a file of flash.

monitor capture NAME interface INTERFACE both
monitor capture NAME match any
monitor capture NAME start, stop
monitor capture NAME export flash:FILE.pcap
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import aside
from dmvpn.base.shell import BUFFER, CaptureDirection, CapturePoint, Captures, Caught
from dmvpn.base.values import Value
from dmvpn.face.requests import NOTHING, FilePlace, Outcome, Request, place_in
from dmvpn.ios import Args, Change, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.face.context import RouterHandle, SessionContext
    from dmvpn.face.filing import Filing


class CaptureRequest(Request, Value):
    """The base of requests to a capture."""

    name: str


class CaptureAt(CaptureRequest, Value):
    """`monitor capture NAME interface INTERFACE both`."""

    interface: str
    direction: CaptureDirection


class CaptureAny(CaptureRequest, Value):
    """`monitor capture NAME match any`."""


class CaptureStart(CaptureRequest, Value):
    """`monitor capture NAME start`."""


class CaptureStop(CaptureRequest, Value):
    """`monitor capture NAME stop`."""


class CaptureExport(CaptureRequest, Value):
    """`monitor capture NAME export FILE`."""

    place: FilePlace


class CaptureGone(CaptureRequest, Value):
    """`no monitor capture NAME`."""


class Capturing:
    """Carries out a session's requests to the capture of its router."""

    def __init__(self, handle: RouterHandle, session: int, filing: Filing) -> None:
        self._handle = handle
        self._session = session
        self._filing = filing

    @property
    def _captures(self) -> Captures:
        return self._handle.captures

    def carry_out(self, request: CaptureRequest) -> Outcome:
        """Carry a request out; return the outcome for the prompt."""
        if not self._captures.possible:
            return _refused("% Error: packets are captured on a router that runs, and in labs, not here")
        point, name = self._captures.point, request.name
        if point is not None and point.name != name:
            return _refused(
                f"% Error: one capture at a time: {point.name} is there; no monitor capture {point.name} removes it"
            )
        if isinstance(request, CaptureAt | CaptureAny):
            return self._order(point or CapturePoint(name), request)
        if point is None:
            return _refused(f"% Error: there is no capture {name}; monitor capture {name} interface INTERFACE both")
        match request:
            case CaptureStart():
                return self._start(point)
            case CaptureStop() if not self._is_active:
                return _refused(f"% Error: capture {name} is not active; monitor capture {name} start")
            case CaptureStop():
                self._captures.stop()
                return Outcome((f"Stopped capture point : {name}",))
            case CaptureExport(place=place):
                return self._export(name, place)
            case CaptureGone():
                self._captures.order(None)
        return NOTHING

    @property
    def _is_active(self) -> bool:
        caught = self._captures.caught
        return caught is not None and caught.active

    def _order(self, point: CapturePoint, request: CaptureAt | CaptureAny) -> Outcome:
        if self._is_active:
            return _still_active(point.name)
        if isinstance(request, CaptureAny):
            point = replace(point, filtered=True)
        elif any(one.name == request.interface for one in self._handle.context(self._session).ports.interfaces.all()):
            point = replace(point, interface=request.interface, direction=request.direction)
        else:
            return _refused(f"% Error: there is no interface {request.interface}; show ip interface brief has them")
        if point != self._captures.point:
            self._captures.order(point)
        return NOTHING

    def _start(self, point: CapturePoint) -> Outcome:
        if self._is_active:
            return _still_active(point.name)
        missing = "" if point.filtered else "match any"
        missing = missing if point.interface else "interface INTERFACE both"
        if missing:
            return _refused(f"% Error: capture {point.name} is not complete; monitor capture {point.name} {missing}")
        try:
            self._captures.start()
        except OSError as found:
            return _refused(f"% Error: {point.interface} cannot be captured: {found.strerror or found}")
        return Outcome((f"Started capture point : {point.name}",))

    def _export(self, name: str, place: FilePlace) -> Outcome:
        if self._is_active:
            return _still_active(name)
        if self._captures.caught is None:
            return _refused(f"% Error: capture {name} was not started; monitor capture {name} start")
        return self._filing.put(place, lambda: aside(self._captures.file), "Exported Successfully")


def _refused(text: str) -> Outcome:
    return Outcome((text,), failed=True)


def _still_active(name: str) -> Outcome:
    return _refused(f"% Error: capture {name} is active; monitor capture {name} stop ends it")


# ------------------------------------------------------------------------------------------------ show


class MonitoredCapture(Value):
    """`show monitor capture`. point: None: there is no such capture."""

    point: CapturePoint | None
    caught: Caught


def monitored_capture(ctx: SessionContext, args: Args) -> MonitoredCapture:
    """Return the capture and its packets; without it if the command names another capture."""
    point = ctx.captures.point
    if point is not None and args.text("name", point.name) != point.name:
        point = None
    return MonitoredCapture(point, ctx.captures.caught or Caught())


def render_monitored_capture(report: MonitoredCapture) -> Iterator[str]:
    """Yield the settings of the capture and the state of its buffer; no lines if there is no capture."""
    point, caught = report.point, report.caught
    if point is None:
        return
    yield f"Status Information for Capture {point.name}"
    yield "  Target Type:"
    if point.interface:
        yield f" Interface: {point.interface}, Direction: {point.direction.value}"
    yield f"   Status : {'Active' if caught.active else 'Inactive'}"
    yield "  Filter Details:"
    yield f"   {'Capture all packets' if point.filtered else 'Filter not attached'}"
    yield "  Buffer Details:"
    yield "   Buffer Type: LINEAR (default)"
    yield f"   Buffer Size (in MB): {BUFFER >> 20}"
    yield f"   Buffer used (in octets): {caught.octets}"
    yield f"   Packets in buffer: {caught.packets}"
    yield f"   Packets dropped: {caught.dropped}"


# ------------------------------------------------------------------------------------------------ commands


def _at(_: ShowContext, args: Args) -> Request:
    direction = next(one for one in CaptureDirection if one.value in args)
    return CaptureAt(args.text("name"), args.interface("interface"), direction)


def _no_filter(_: ShowContext, __: Args) -> Change:
    said = "% Error: a capture here takes every packet: match any; Wireshark and tcpdump filter an exported file"
    return Change(said=(said,), failed=True)


def _export(_: ShowContext, args: Args) -> Request:
    return CaptureExport(args.text("name"), place_in(args, "file"))


_HELP: Final[Mapping[str, str]] = {
    "monitor": "Look at packets",
    "capture": "Keep the packets of an interface in memory",
    "name": "Name of the capture",
    "interface": "Where",
    "both": "What comes in and what goes out",
    "in": "What comes in",
    "out": "What goes out",
    "match": "Which packets",
    "any": "All of them",
    "filter": "No other filter is possible here",
    "start": "Begin, with an empty buffer",
    "stop": "End, and keep the packets",
    "export": "Write the packets into a file that Wireshark opens",
    "file": "flash:NAME.pcap",
    "no": "Take something away",
}


def _on_name(syntax: str, request: type[CaptureRequest]) -> ExecCommand:
    def action(_: ShowContext, args: Args) -> Request:
        return request(args.text("name"))

    return ExecCommand(syntax, _HELP, action=action, privilege=15)


#: Its query takes a `SessionContext`.
SHOW_CAPTURE: Final = ExecCommand(
    "show monitor capture [ {name:word} ]",
    _HELP,
    query=monitored_capture,
    render=render_monitored_capture,
    privilege=15,
)
CAPTURES: Final[tuple[ExecCommand, ...]] = (
    ExecCommand(
        "monitor capture {name:word} interface {interface:interface} ( both | in | out )",
        _HELP,
        action=_at,
        privilege=15,
    ),
    _on_name("monitor capture {name:word} match any", CaptureAny),
    ExecCommand("monitor capture {name:word} match {filter:line}", _HELP, action=_no_filter, privilege=15),
    _on_name("monitor capture {name:word} start", CaptureStart),
    _on_name("monitor capture {name:word} stop", CaptureStop),
    ExecCommand("monitor capture {name:word} export {file:file}", _HELP, action=_export, privilege=15),
    _on_name("no monitor capture {name:word}", CaptureGone),
)
