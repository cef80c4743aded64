r"""Stories of networks: what is typed at routers and what they answer, as blocks of a text file that a blank line ends.

the hub shows both spokes             the name of the story; in brackets: it is told only as the begin of others
in bgp-phase3                         a network, once it is up; `in bgp-phase3, cold`: from its first moment
in bgp-phase3, seed 2, changed by f   of another seed; a question gives the configurations: f(router, text)
as (two areas)                        or it begins as another story, told again
after (two areas)                     or where another story ended, in the same network; that one is told once
replace HUB: 'a' -> 'b'               at once behind the network: configurations of these routers differ
# why this is here                    a comment
conforms bgp:9.1.2-loop               it proves these requirements (`support/conformance.py`)
HUB: router bgp 1 / no neighbor S     lines of configuration; they go on in a line that begins with `  / `
HUB# show ip bgp                      commands, or `console`, `messages`; the lines below say what they print
+ text                                it has this; - text: it has not; > text: it is this; nothing: it is empty
= text                                a line is this; ! text: no line is; ~ a+: a part matches
within 30                             the next line holds within 30 seconds
wait 5                                time passes; `until 5`: since the begin; `converge`: until everything is there, in
                                      a minute or `within N`
cut HUB GigabitEthernet0/1            a wire is cut, `join`: fixed; `kill HUB`: a router dies, `boot`: and starts
ping H1 10.1.2.100                    an echo request of a host; `stream H1 10.1.2.100 5 2`: for 5 s, 2 a second
path SPOKE1, 10.1.2.0/24 = 65000      a question, and its answer (=, !=, has, lacks)
replies H1 = [0]                      the numbers of the echo replies that a host has; `count H1`: how many

A text with blanks at its ends or more than one line is in quotes, as Python has it. Questions are functions of
`support/outages.py`, and of the file of tests that the first line of the stories names: `questions of test_bgp.py`.
"""

from __future__ import annotations

import re
from ast import literal_eval
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from support.conformance import ROOT
from support.outages import hops, peers, route
from support.world import PATIENCE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Question = Callable[..., object]

_FOLDER: Final = ROOT / "tests" / "scenarios" / "stories"


@dataclass(frozen=True)
class Story:
    """A block.

    file: what its `as` and `after` look for in.
    questions: the file of tests that has its questions, "" for none.
    """

    file: str
    name: str
    lines: tuple[str, ...]
    questions: str

    def __str__(self) -> str:
        return self.name


def stories() -> list[Story]:
    """Return the stories of `tests/scenarios/stories` that are tests of their own."""
    found = [story for path in sorted(_FOLDER.glob("*.txt")) for story in _read(path.stem).values()]
    return [story for story in found if not story.name.startswith("(")]


@cache
def _read(file: str) -> dict[str, Story]:
    text = (_FOLDER / f"{file}.txt").read_text("utf-8")
    blocks = [block.split("\n") for block in text.rstrip("\n").replace("\n  / ", " / ").split("\n\n")]
    questions = blocks.pop(0)[0].removeprefix("questions of ") if text.startswith("questions of ") else ""
    return {name: Story(file, name, tuple(lines), questions) for name, *lines in blocks}


@cache
def _questions(file: str) -> dict[str, Question]:
    """Return what can be asked in stories with the questions of this file of tests."""
    found: dict[str, Question] = {"replies": _replies, "count": _count, "hops": hops, "peers": peers, "route": route}
    if file:
        module = import_module(f"scenarios.{file.removesuffix('.py')}")
        found |= {name: value for name, value in vars(module).items() if callable(value)}
    return found


def tell(story: Story) -> World:
    """Live the story; fail where the network answers otherwise."""
    first, *lines = story.lines
    kind, _, place = first.partition(" ")
    asks = _questions(story.questions)
    if kind == "in" and place.removesuffix(", cold") in asks:
        world = cast("World", asks[place.removesuffix(", cold")]())
    elif kind == "in":
        while lines and lines[0].startswith("replace "):
            place += f"\n{lines.pop(0)}"
        world = _network(place, asks)
    else:
        other = _read(story.file)[place]
        world = tell(other) if kind == "as" else _told(other)
    teller = _Teller(world, asks)
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith(("# ", "conforms ")):
            continue
        if line == "nothing" or line[:2] in ("+ ", "- ", "= ", "~ ", "! ", "> "):
            found[-1][1].append(line)
        else:
            found.append((line, []))
    for step in iter(found):
        teller.step(*step)
    return world


@cache
def _told(story: Story) -> World:
    return tell(story)


def _network(place: str, asks: Mapping[str, Question]) -> World:
    where, *replaced = place.split("\n")
    name, *options = where.split(", ")
    words = dict(option.rpartition(" ")[::2] for option in options)
    edited = cast("Callable[[str, str], str]", asks[words["changed by"]]) if "changed by" in words else None

    def change(router: str, text: str) -> str:
        text = edited(router, text) if edited is not None else text
        for line in replaced:
            routers, _, words = line.removeprefix("replace ").partition(": ")
            old, new = map(literal_eval, words.split(" -> "))
            text = text.replace(old, new) if routers == "all" or router in routers.split(", ") else text
        return text

    world = World(name, change=change, seed=int(words.get("seed", "1")))
    return world if "cold" in options else world.converge()


class _Teller:
    """What lives a story."""

    def __init__(self, world: World, questions: dict[str, Question]) -> None:
        self._world, self._questions = world, questions
        self._limit = 0.0

    def step(self, line: str, said: list[str]) -> None:
        """Do what a line says."""
        world, (word, _, rest) = self._world, line.partition(" ")
        words = rest.split()
        match word:
            case "wait" | "until":
                world.run_for(float(rest) - (world.now if word == "until" else 0))
            case "within":
                self._limit = float(rest)
            case "converge":
                self._limit = self._limit or PATIENCE
                self._hold(lambda: ", ".join(world.lacks()))
            case "cut" | "join":
                world.cut(*words, cut=word == "cut")
            case "kill":
                world.sim.kill(rest)
            case "boot":
                world.sim.boot(rest, world.scenario.configurations[rest])
            case "ping":
                world.ping(words[0], words[1], *map(int, words[2:]))
            case "stream":
                world.stream(words[0], words[1], seconds=float(words[2]), rate=float(words[3]))
            case _ if word.endswith((":", "#")):
                self._hold(partial(self._prints, word, rest, said))
            case _:
                self._hold(partial(self._answers, line))

    def _hold(self, wrong: Callable[[], str]) -> None:
        """Let nothing be wrong now, or within the limit."""
        if self._limit:
            self._world.wait_until(lambda: not wrong(), self._limit)
            self._limit = 0.0
        assert not (what := wrong()), what

    def _prints(self, prompt: str, typed: str, said: list[str]) -> str:
        """Type it; return what is wrong with what it prints."""
        world, router = self._world, prompt[:-1]
        if prompt.endswith(":"):
            text = world.configure(router, *typed.split(" / "))
        elif typed in ("console", "messages"):
            text = "\n".join(world.console[router] if typed == "console" else world.messages(router))
        else:
            text = world.do(router, *typed.split(" / "))
        refused = any(one in text for one in ("% Invalid input", "% Incomplete command", "% Unknown command"))
        if refused and not any("%" in one for one in said):
            return f"{prompt} {typed}: it is refused\n{text}"
        return next((f"{prompt} {typed}: {one}\n{text}" for one in said if not _holds(one, text)), "")

    def _answers(self, line: str) -> str:
        """Ask a question; return what is wrong with its answer."""
        found = re.fullmatch(r"(?P<asked>.*?)(?: (?P<sign>=|!=|has|lacks) (?P<wanted>.*))?", line)
        assert found is not None, line
        word, _, words = found["asked"].partition(" ")
        about = [int(one) if one.isdigit() else one for one in words.split(", ") if one]
        answer: Any = self._questions[word](self._world, *about)
        if found["sign"] is None:
            return ""
        wanted: Any = _text(found["wanted"])
        if found["sign"] in ("=", "!=") and not isinstance(answer, str):
            wanted = literal_eval(wanted)
        holds = answer == wanted if found["sign"] in ("=", "!=") else wanted in answer
        return "" if holds == (found["sign"] in ("=", "has")) else f"{line}: it is {answer!r}"


def _holds(line: str, text: str) -> bool:
    """Return whether a text is as a line says."""
    mark, wanted = line[0], _text(line[2:])
    match mark:
        case "+" | "-":
            return (wanted in text) == (mark == "+")
        case "=" | "!":
            return (wanted in text.splitlines()) == (mark == "=")
        case "~":
            return re.search(wanted, text, re.MULTILINE) is not None
        case ">":
            return text.rstrip("\n") == wanted.rstrip("\n")
    return not text.strip()


def _text(words: str) -> str:
    """Return a text that may be in quotes."""
    return str(literal_eval(words)) if words[:1] in ("'", '"') else words


def _replies(world: World, host: str) -> list[int]:
    return world.replies(host)


def _count(world: World, host: str) -> int:
    return len(world.replies(host))
