"""Pictures by name, and films: a network, and what happened there, as the page of `dmvpn web` plays it.

They are of a lab that runs, a scenario or a folder of configurations, or a recording. While a recording is replayed, a
router is read before it forgets, so a film has its whole past:

    moments of the recording -> RecordedNews.take -> news of routers, in the order in which they lived

A life is read when it has `_UNREAD` new lines, or the first of them is `_SPAN` seconds old: it keeps the fields of 256
messages, and some thousands of lines. A life that ends is read to its end, and then the router is gone.

What a file for a browser cannot hold is left out, and `notes` say so: lines beyond `MOST_LINES`, and fields of messages
beyond `MOST_FIELDS` characters. Both ends of a message report the same fields; those of the second are left out.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

from dmvpn.base.chronicle import Plain
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.face.messages import News, PlainLine
from dmvpn.face.protocol import message_to_plain
from dmvpn.face.watcher import Watcher
from dmvpn.face.watching import Watching
from dmvpn.features.chronicle import ChronicleMachine
from dmvpn.labs import orders
from dmvpn.labs.replayed import frozen_handle, recorded_network
from dmvpn.network.device import Device
from dmvpn.router.facts import SetupFacts
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.facts import read_setups
from dmvpn.shells.files import open_regular
from dmvpn.shells.handle import Handle
from dmvpn.shells.lab import control
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.places import LabFolder, find_lab, running_labs
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.explain.lookup import in_messages
from dmvpn.tools.picture import Picture, as_dot, as_mermaid, as_stage, as_svg, picture_of, sketch_of
from dmvpn.tools.replaying import Life, lives_of, moments_of

#: The formats, by the ending of a file; the first is that of standard output.
WRITERS: Final[dict[str, Callable[[Picture], str]]] = {"svg": as_svg, "dot": as_dot, "mermaid": as_mermaid}

#: Labs whose stage is kept: those of a large class; routers whose tags fit into one request.
_MOST_STAGES: Final = 64
_MOST_KNOWN: Final = 500
#: Lines of all routers, and characters of the fields of their messages.
MOST_LINES: Final = 200_000
MOST_FIELDS: Final = 8_000_000
#: A life is read when it has this many new lines, or this many seconds after the first of them.
_UNREAD: Final = 64
_SPAN: Final = 1.0
#: Messages whose other end is awaited.
_MOST_HALVES: Final = 20_000
#: Fields of a line that are empty more often than not.
_SELDOM: Final = ("text", "interface", "mark", "subject")

Film = dict[str, object]
#: Seconds without news after which routers have said everything; within which each one must say something; and after
#: which a film of a busy lab ends.
_QUIET: Final = 0.5
_PATIENCE: Final = 10.0
_LONGEST: Final = 30.0


# ------------------------------------------------------------------------------------------------ pictures by name


def named_picture(name: str | None, command: Callable[[str], str]) -> Picture:
    """Return the picture of a lab that runs, else of a built-in scenario, a folder, a file or a recording.

    name: None: the only lab that runs.
    command: the user's command, for a lab. Raises UserError, OSError.
    """
    running = next((folder for folder in running_labs() if folder.name == name), None)
    if name is None or running is not None:
        return lab_picture(running or find_lab(None, command))
    path = Path(name)
    if is_recording(path):
        return recording_picture(path, lives_of(path))
    scenario = Scenario.load(name)
    return picture_of(scenario, f"scenario {scenario.name}")


def writer_for(output: str) -> Callable[[Picture], str]:
    """Return the writer for a file, by the ending of its name. output: "-" is standard output. Raises UserError."""
    ending = "svg" if output == "-" else Path(output).suffix.removeprefix(".")
    if ending not in WRITERS:
        raise UserError(f"{output}: a picture is a file whose name ends with .{', .'.join(WRITERS)}, or '-'")
    return WRITERS[ending]


def lab_picture(folder: LabFolder) -> Picture:
    """Return the picture of a lab that runs. Raises UserError."""
    facts = orders.facts(folder)
    kind = "simulated lab" if orders.status(folder).simulated else "lab"
    return picture_of(orders.scenario(folder), f"{kind} {folder.name}, as it runs", facts.routers, facts.links)


def lab_sketch(folder: LabFolder) -> tuple[str, bytes]:
    """Return the stage of a lab as far as its file has it: no router is asked. As `LabStages.stage`."""
    return _tagged(sketch_of(orders.scenario(folder), f"lab {folder.name}"))


def _tagged(picture: Picture) -> tuple[str, bytes]:
    octets = json.dumps(as_stage(picture)).encode()
    return tag_of(octets), octets


def tag_of(octets: bytes) -> str:
    """Return a tag that differs for different contents."""
    return blake2b(octets, digest_size=16).hexdigest()


class LabStages:
    """The stages of the labs that pages show. A router is read again only if its setup has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _KeptStage] = OrderedDict()
        self._keeping = threading.Lock()

    def stage(self, folder: LabFolder) -> tuple[str, bytes]:
        """Return the tag of the stage of a lab that runs, another one after each change, and the stage as JSON.

        Raises UserError.
        """
        key = (str(folder.path), folder.life)
        with self._keeping:
            kept = self._kept.setdefault(key, _KeptStage())
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_STAGES:
                self._kept.popitem(last=False)
        with kept.making:
            kept.refresh(folder)
            return kept.tag, kept.octets


class _KeptStage(Mutable, eq=False):
    """The stage of one lab. setups: of its routers when it was made, None: of a dead one; devices: as read then."""

    tag: str = ""
    octets: bytes = b""
    setups: dict[str, SetupFacts | None] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    making: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, folder: LabFolder) -> None:
        """Make the stage again if a setup has changed. Raises UserError."""
        known = {name: one.tag for name, one in self.setups.items() if one is not None}
        sent: dict[str, Json] = {**known} if len(known) <= _MOST_KNOWN else {}
        answer = control.order(folder.control, do="facts", known=sent)
        setups = read_setups(answer, self.setups)
        if self.octets and setups == self.setups:
            return
        routers = {name: one.facts if one is not None else None for name, one in setups.items()}
        about = f"lab {folder.name}, as it runs"
        picture = picture_of(orders.scenario(folder), about, routers, devices=self.devices)
        self.tag, self.octets = _tagged(picture)
        self.setups = setups


def is_recording(path: Path) -> bool:
    """Return whether this is a file that begins as recordings do, and configurations do not. Raises OSError."""
    if not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace", opener=open_regular) as file:
        return file.read(1) == "{"


def recording_picture(path: Path, lives: Mapping[str, Life]) -> Picture:
    """Return the network at the end of a recording. lives: those of the recording. Raises UserError."""
    network = recorded_network(path.stem, lives)
    return picture_of(network.scenario, f"recording {path.name}, {network.last:.1f} seconds", network.facts)


# ---------------------------------------------------------------------------------------------- the news of a recording


class Part(Value):
    """The part of a recording that is wanted: seconds since its beginning. until: None: to its end."""

    since: float = 0.0
    until: float | None = None


WHOLE: Final = Part()


class _Reading(Mutable):
    """How far a life was read. waits_since: when its first line came that was not read, seconds monotonic."""

    life: Life
    handle: Handle
    watching: Watching
    chronicle: ChronicleMachine
    read: int = 0
    waits_since: float | None = None

    @classmethod
    def of(cls, life: Life, router: Router) -> _Reading:
        """Begin to read a life. router: of this life."""
        handle = frozen_handle(router, lambda: life.last)
        return cls(life, handle, Watching(handle), router.machine(ChronicleMachine))

    @property
    def is_due(self) -> bool:
        """Whether it is to be read now."""
        unread = self.chronicle.last - self.read
        if unread == 0:
            return False
        if self.waits_since is None:
            self.waits_since = self.life.last
        return unread >= _UNREAD or self.life.last - self.waits_since >= _SPAN

    def news(self) -> Iterator[News]:
        """Yield the lines that were not read."""
        self.read, self.waits_since = self.chronicle.last, None
        while (news := self.watching.news()) is not None:
            yield news

    def wall(self, moment: float) -> float:
        """Return a moment of the router's clock in seconds since 1970."""
        return self.handle.context(0).ports.clock.wall(moment).timestamp()


class RecordedNews(Mutable):
    """See the module's docstring.

    news: in the order of time, but for the seconds in which a router is not read.
    begins: when the wanted part begins, seconds since 1970; None: at the beginning.
    notes: sentences about lines and fields that the film lacks.
    last: when the latest event came so far, seconds since the beginning.
    """

    part: Part = field(default_factory=Part)
    news: list[dict[str, object]] = field(default_factory=list)
    begins: float | None = None
    notes: list[str] = field(default_factory=list)
    is_over: bool = False
    last: float = 0.0
    _first: float | None = None
    _readings: dict[str, _Reading] = field(default_factory=dict)
    _lines: int = 0
    _fields: int = 0
    _missed: int = 0
    #: Messages of which one end was read, with its fields: how many of each.
    _halves: dict[tuple[str, bool], int] = field(default_factory=dict)

    def take(self, life: Life) -> None:
        """Take a life after one of its events, or when it has ended."""
        if life.router is None:
            return
        if self._first is None:
            self._first = life.last
        since = life.last - self._first
        self.last = max(self.last, since)
        if self.part.until is not None and since > self.part.until:
            self.is_over = True
            return
        reading = self._readings.get(life.name)
        if reading is None or reading.life is not life:
            reading = self._readings[life.name] = _Reading.of(life, life.router)
        if life.ended:
            self._end(reading)
        elif since >= self.part.since and reading.is_due:
            self._read(reading)
        if self._lines >= MOST_LINES and not self.is_over:
            self.is_over = True
            self.notes.append(
                f"the film ends at {_clock(reading.wall(reading.life.last))} UTC, after {self._lines} lines: "
                f"--from {since:.0f} is what follows"
            )

    def finish(self) -> None:
        """Read all lives to their end."""
        for reading in self._readings.values():
            if not reading.life.ended:
                self._read(reading)
        if self._missed:
            self.notes.append(f"{self._missed} lines are missing: one event had more than a router remembers")

    def _end(self, reading: _Reading) -> None:
        self._read(reading)
        life = reading.life
        self.news.append({"router": life.name, "now": reading.wall(life.last), "gone": True})

    def _read(self, reading: _Reading) -> None:
        begins = reading.wall(self._first + self.part.since) if self.part.since and self._first is not None else None
        if self.begins is None:
            self.begins = begins
        for news in reading.news():
            lines = [self._slim(line) for line in news.lines if begins is None or is_kept(line, begins)]
            self._lines += len(lines)
            self._missed += news.missed
            self.news.append(
                {
                    **{"router": reading.life.name, "now": news.now, "begins": news.begins},
                    **{"missed": news.missed, "addresses": news.addresses, "lines": lines},
                }
            )

    def _slim(self, line: PlainLine) -> Plain:
        """Return a line without what the film does not need."""
        slim = {name: value for name, value in line.items() if name != "number" and (value or name not in _SELDOM)}
        shown: Plain = {name: str(slim.pop(name)) for name in ("contents", "octets") if name in slim}
        if shown and self._is_first_half(line) and self._has_room(line, "".join(map(str, shown.values()))):
            slim |= shown
        return slim

    def _is_first_half(self, line: PlainLine) -> bool:
        """Return whether the fields of this message have not come from its other end."""
        if not line.get("mark"):
            return True
        key, received = f"{line['protocol']} {line['mark']}", line["way"] == "received"
        awaited = self._halves.pop((key, not received), 0)
        if awaited > 1:
            self._halves[key, not received] = awaited - 1
        if awaited:
            return False
        self._halves[key, received] = self._halves.get((key, received), 0) + 1
        if len(self._halves) > _MOST_HALVES:
            del self._halves[next(iter(self._halves))]
        return True

    def _has_room(self, line: PlainLine, contents: str) -> bool:
        if self._fields > MOST_FIELDS:
            return False
        self._fields += len(contents)
        if self._fields > MOST_FIELDS:
            self.notes.append(f"messages after {_clock(float(line['time']))} UTC have no fields: they are too many")
        return True


def is_kept(line: PlainLine, begins: float) -> bool:
    """Return whether a line is in a part that begins at a time, or a change from which the state there follows."""
    return "way" not in line or float(line["time"]) >= begins


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}"


# ------------------------------------------------------------------------------------------------ films


def lab_film(folder: LabFolder) -> Film:
    """Return the film of a lab that runs. Raises UserError."""
    picture = lab_picture(folder)
    alive = orders.status(folder).routers
    silent = {name: folder.management(name) for name, lives in alive.items() if lives}
    news: list[object] = [{"router": name, "now": time.time(), "gone": True} for name in alive if name not in silent]
    begun = time.monotonic()
    with Watcher(dict(silent), control.end_of(folder.control)) as watcher:
        while heard := watcher.wait(_QUIET if not silent else max(0.0, begun + _PATIENCE - time.monotonic())):
            if time.monotonic() > begun + _LONGEST:
                break
            for each in heard:
                silent.pop(each.router, None)
                if each.news is not None:
                    news.append({"router": each.router, **message_to_plain(each.news)})
    if silent:
        raise UserError(f"{', '.join(silent)}: no answer")
    return {"stage": as_stage(picture), "news": news, "meanings": in_messages(FEATURES)}


def recording_film(path: Path, part: Part = WHOLE) -> Film:
    """Return the film of a recording: all that its routers reported. Raises UserError, OSError."""
    if part.until is not None and part.until <= part.since:
        raise UserError(f"--until {part.until:g} is not after --from {part.since:g}: nothing is between them")
    recorded = RecordedNews(part)
    lives: dict[str, Life] = {}
    for life in moments_of(path):
        lives[life.name] = life
        recorded.take(life)
        if recorded.is_over:
            break
    recorded.finish()
    if part.since > recorded.last:
        raise UserError(f"{path} ends after {recorded.last:.0f} seconds: --from {part.since:g} is behind its end")
    return {
        "stage": as_stage(recording_picture(path, lives)),
        **({"begins": recorded.begins} if recorded.begins is not None else {}),
        **({"notes": recorded.notes} if recorded.notes else {}),
        "news": recorded.news,
        "meanings": in_messages(FEATURES),
    }
