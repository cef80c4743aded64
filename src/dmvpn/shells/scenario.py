"""A scenario: a folder with one configuration a router (`R11.cfg`) and a small `lab.yaml` (`lab_model.py`).

Without `lab.yaml` the links are inferred from the configurations (`inference`). Both the lab in namespaces and the
simulator read scenarios with this module.

Reads `lab.yaml` and similar files: reports all mistakes, with line and column, and the correct form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Self, TypeVar, get_args

from pydantic import BaseModel, JsonValue, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.ios import MAY_BE_WEAK, normalize_interface
from dmvpn.router.features import FEATURES
from dmvpn.shells.certificates import Certificates, certificates_of
from dmvpn.shells.documents import Path_, Places, parse_yaml, read_text
from dmvpn.shells.exercises import BUILT_IN, CONFIGURATION, START, ExercisePlace, built_in_names, find_place
from dmvpn.shells.files import refuse_way_out
from dmvpn.shells.folders import FolderContents, configurations_in, configurations_of
from dmvpn.shells.lab_model import INSIDE, NAME, OUTSIDE, RESERVED, Lab, LinkSpec, StartSpec, Strict

# ------------------------------------------------------------------------------------------------ files


#: Octets: thousands of routers with their wires.
LARGEST: Final = 1 << 20

_Model = TypeVar("_Model", bound=BaseModel)
#: The correct form, by the name of the key or of the list around it.
_INSTEAD: Final = {
    "ends": "an end is ROUTER:INTERFACE, GATEWAY:inside or GATEWAY:outside, as in R31:GigabitEthernet0/1",
    "link": "a host's link is ROUTER:INTERFACE, as in R31:GigabitEthernet0/2",
    "routes": "a route is PREFIX/LENGTH, or PREFIX/LENGTH via NEXT-HOP",
    "address": "an address with its prefix length, as in 10.3.3.100/24",
    "address6": "an IPv6 address with its prefix length, as in 2001:db8:3::100/64, slaac or dhcp",
    "inside": "an address with its prefix length, as in 192.168.31.1/24",
    "outside": "an address with its prefix length, as in 172.16.31.1/30",
    "gateway": "an address without a prefix length, as in 10.3.3.1",
    "delay": "milliseconds, 0 to 10000",
    "loss": "percent, 0 to 100",
    "rate": "kbit/s, a whole number; 0 is without limit",
}
_NAMES: Final = "a name is a letter, then letters, digits, '_', '.' and '-', 31 at most"
#: A slash in the name of a port that Linux has.
_LINUX_SLASH: Final = re.compile(r"(?<=\d)-(?=\d)")


def read_model(path: Path, kind: type[_Model]) -> tuple[_Model, Places]:
    """Return the content of a file, and the places. Raises UserError with all mistakes."""
    raw, places = parse_yaml(read_text(path, LARGEST), str(path), patient=True)
    found: list[tuple[Path_, str]] = []
    try:
        model = kind.model_validate({} if raw is None else raw)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            where = tuple(part for part in each["loc"] if part != "[key]")
            found.append((where, _said(kind, where, each["type"], each["msg"], is_key="[key]" in each["loc"])))
        raise places.problems(found) from error
    if places.twice:
        raise places.problems([])
    return model, places


def _said(kind: type[BaseModel], where: Path_, fault: str, message: str, *, is_key: bool) -> str:
    """Return the mistake there, with the remedy."""
    if fault == "extra_forbidden":
        known = _keys(kind, where[:-1])
        close = get_close_matches(str(where[-1]), known, n=1)
        return f"there is no such key here: {f'did you mean {close[0]}?' if close else 'known are ' + ', '.join(known)}"
    if fault == "missing":
        return "it is missing" + _instead(where)
    if is_key:
        return _NAMES
    message = message.removeprefix("Value error, ").replace("Input should be", "it should be")
    if fault in ("dict_type", "list_type", "model_type", "model_attributes_type"):
        return f"{message}{_shape(kind, where)}"
    return message + _instead(where)


def _instead(where: Path_) -> str:
    key = next((str(part) for part in reversed(where) if part in _INSTEAD), "")
    return f": {_INSTEAD[key]}" if key else ""


def _shape(kind: type[BaseModel], where: Path_) -> str:
    known = _keys(kind, where)
    return f": here are lines of KEY: VALUE, with the keys {', '.join(known)}" if known else ""


def _keys(kind: type[BaseModel], where: Path_) -> list[str]:
    """Return the possible keys at a place."""
    found: object = kind
    for part in where:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = field.annotation if field is not None else None
        else:
            found = next(iter(get_args(found)[-1:]), None)  # the type of the elements of a dict or a list
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


# ------------------------------------------------------------------------------------------------ scenarios


#: Needs that are no feature: data planes meet them.
_OF_PLANES = ("ipv6",)


class Scenario:
    """A checked scenario: configurations by router, links with both ends known.

    certificates: by router, if it has any.
    notes: decisions about ambiguous configurations.
    files: by router, the file of its configuration, if it was read from a file.
    is_exercise: it is the start of a built-in exercise, and no folder of that name.
    """

    def __init__(
        self,
        name: str,
        lab: Lab,
        configurations: dict[str, str],
        certificates: dict[str, Certificates] | None = None,
        notes: tuple[str, ...] = (),
        files: Mapping[str, Path] | None = None,
        *,
        is_exercise: bool = False,
    ) -> None:
        self.name = name
        self.is_exercise = is_exercise
        self.notes = notes
        self.lab = lab
        self.configurations = configurations
        self.certificates = certificates or {}
        self.files = files or {}

    @classmethod
    def load(cls, name_or_folder: str, *, strict: bool = False) -> Self:
        """Read a built-in scenario by name, or a folder. Raises UserError with the fix.

        strict: a folder's lines are taken unchanged, whether supported or not.
        """
        exercise = find_place(name_or_folder)
        if exercise is not None:  # whatever file has that name here: "./exercise-05" is a folder
            return cls._beginning(exercise)
        folder = Path(name_or_folder)
        if name_or_folder and folder.is_file():
            name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.stem).strip("-") or "lab"
            return cls._inferred(name, folder, configurations_of(folder), strict=strict)
        if not name_or_folder or not folder.is_dir():
            folder = BUILT_IN / name_or_folder
            if not re.fullmatch(r"[\w./~-]+", name_or_folder) or not folder.is_dir():
                close = _meant(name_or_folder)
                raise UserError(f"no scenario {name_or_folder!r}{close} ('dmvpn lab list' has them all)")
        is_described = (folder / CONFIGURATION).exists()
        if is_described:
            refuse_way_out(folder, folder / CONFIGURATION)
        found = configurations_in(folder, is_described=is_described)
        if not is_described:
            return cls._inferred(folder.resolve().name, folder, found, strict=strict)
        lab, places = read_model(folder / CONFIGURATION, Lab)
        weak = {name: text for name, text in found.texts.items() if MAY_BE_WEAK.search(text)}
        if weak:
            from dmvpn.shells.adaptations import secured  # a slow import that most callers do not need

            change = secured(weak, strict=strict)
            found.texts.update(change.texts)
            found.notes.extend(change.notes)
        certificates = {name: certificates_of(folder, name, text) for name, text in found.texts.items()}
        return cls(folder.resolve().name, lab, found.texts, certificates, tuple(found.notes), found.files)._checked(
            folder, places
        )

    @classmethod
    def _inferred(cls, name: str, path: Path, found: FolderContents, *, strict: bool) -> Self:
        """Return the network of the configurations of a folder without `lab.yaml`, or of a file.

        Raises UserError.
        """
        from dmvpn.shells.inference import infer  # a slow import that most callers do not need

        try:
            made = infer(found.texts, strict=strict, segments=found.segments, stations=found.stations)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        folder = path if path.is_dir() else path.parent
        certificates = {each: certificates_of(folder, each, text) for each, text in made.configurations.items()}
        files = {router: found.files[key] for router, key in made.named.items()}
        notes = (*found.notes, *made.notes)
        return cls(name, made.lab, made.configurations, certificates, notes, files)._checked(folder)

    @classmethod
    def _beginning(cls, exercise: ExercisePlace) -> Self:
        """Return the start of an exercise. Raises UserError."""
        from dmvpn.network.lines import after  # a slow import that most callers do not need

        start, _ = read_model(exercise.folder / START, StartSpec)
        network = cls.load(start.network)
        texts = {
            name: after(text, start.type[name]) if name in start.type else text
            for name, text in network.configurations.items()
        }
        title = f"Exercise {exercise.number}: {start.title}"
        lab = network.lab.model_copy(update={"title": title, "ready": start.ready})
        return cls(exercise.name, lab, texts, network.certificates, is_exercise=True)

    def _checked(self, folder: Path, places: Places | None = None) -> Self:
        """Check the scenario. places: of the parts of its `lab.yaml`."""
        for router in self.configurations:
            if not re.fullmatch(NAME, router) or router == RESERVED:
                raise UserError(f"{folder / router}.cfg: a router cannot have this name")
        found = [*self._wrong_names(), *self._wrong_ends()]
        if found:
            raise (places or Places(str(folder / CONFIGURATION))).problems(found)
        return self

    def _wrong_names(self) -> Iterator[tuple[Path_, str]]:
        """Yield unknown or duplicate names."""
        lab = self.lab
        known = ", ".join(self.configurations)
        for router in lab.routers:
            if router not in self.configurations:
                yield ("routers", router), f"router {router} has no file {router}.cfg; there are {known}"
        for name, host in lab.hosts.items():
            if name in self.configurations:
                yield ("hosts", name), f"{name} is a router and a host"
            node, interface = self._end_or_none(host.link)
            if node not in self.configurations or not interface:
                yield ("hosts", name, "link"), f"host {name}: its link {host.link!r} names no router interface"
        for name in lab.gateways:
            if name in self.configurations:
                yield ("gateways", name), f"{name} is a router and a gateway"
            if name in lab.hosts or name == RESERVED:
                yield ("gateways", name), f"a gateway cannot be called {name}: that name is taken"
        for position, router in enumerate(lab.ready.either):
            if router not in self.configurations:
                yield ("ready", "either", position), f"there is no router {router}; there are {known}"
        for router in lab.ready.routes:
            if router not in self.configurations:
                yield ("ready", "routes", router), f"there is no router {router}; there are {known}"

    def _wrong_ends(self) -> Iterator[tuple[Path_, str]]:
        """Yield unknown or duplicate ends of links."""
        taken: dict[tuple[str, str], None] = {}
        for number, link in enumerate(self.lab.links):
            for position, end in enumerate(link.ends):
                where = ("links", number, "ends", position)
                node, interface = self._end_or_none(end)
                if not self._exists(node, interface):
                    yield where, f"link end {end!r} names no router interface, gateway port or host"
                elif (node, interface) in taken:
                    yield where, f"{end} is on two links"
                taken[node, interface] = None
        for name in self.lab.gateways:
            for port in (INSIDE, OUTSIDE):
                if (name, port) not in taken:
                    yield ("gateways", name), f"nothing is plugged into {name}:{port}; add a link with that end"

    def _end_or_none(self, text: str) -> tuple[str, str]:
        """Return the end, like `end`; an empty interface if its kind is unknown."""
        try:
            return self.end(text)
        except UserError:
            return "", ""

    def _exists(self, node: str, interface: str) -> bool:
        """Return whether the port exists."""
        if not interface:
            return node in self.lab.hosts
        return node in (self.lab.gateways if interface in (INSIDE, OUTSIDE) else self.configurations)

    @staticmethod
    def end(text: str) -> tuple[str, str]:
        """Return router (or host, or gateway) and interface of a link end; the interface is "" for a host.

        The Linux name of a port is one, too: R31:Gi0-1.
        """
        node, _, interface = text.partition(":")
        if interface in ("", INSIDE, OUTSIDE):
            return node, interface
        name = normalize_interface(interface) or normalize_interface(_LINUX_SLASH.sub("/", interface))
        if name is None:
            raise UserError(f"link end {text!r}: no such kind of interface")
        return node, name

    @classmethod
    def find_wire(cls, text: str, wires: Mapping[str, Iterable[tuple[str, str]]]) -> tuple[str, tuple[str, str]]:
        """Return the name of a wire and one of its ends. text: the name, or the end: "R31:Gi0/1". Raises UserError.

        wires: their ends, by name.
        """
        wanted = (cls.end(text), tuple(text.split(":"))) if text.count(":") == 1 else ()  # the last: H3:eth0
        for name, ends in wires.items():
            for end in ends:
                if text == name or end in wanted:
                    return name, end
        raise UserError(f"no link {text}; there are\n  " + "\n  ".join(wires))

    def segments(self) -> Iterator[tuple[list[tuple[str, str]], LinkSpec]]:
        """Yield every wire: its ends (node, interface) and properties.

        A host's `link` joins the wire of that interface.
        """
        wires = [([self.end(end) for end in link.ends], link) for link in self.lab.links]
        for name, host in self.lab.hosts.items():
            where = self.end(host.link)
            for ends, _ in wires:
                if where in ends:
                    ends.append((name, "eth0"))
                    break
            else:
                wires.append(([where, (name, "eth0")], LinkSpec(ends=[host.link, name])))
        yield from wires

    @property
    def lacks(self) -> list[str]:
        """Requirements that this release does not support."""
        built = {feature.name for feature in FEATURES if not feature.kept_only}
        return [need for need in self.lab.needs if need not in built and need not in _OF_PLANES]

    def still_missing(self, lacks: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the items that the lab waits for. lacks: sentences by router."""
        either = self.lab.ready.either
        settled = any(not lacks.get(name) for name in either)
        return [
            f"{name}: {text}" for name, texts in lacks.items() if not (settled and name in either) for text in texts
        ]

    @staticmethod
    def unleased(waits: Mapping[str, Sequence[int]]) -> list[str]:
        """Return the hosts that wait for a lease, in sentences. waits: the versions of IP of each."""
        of = {4: "", 6: " of IPv6"}
        return [f"{name}: no DHCP server has leased it an address{of[one]}" for name in waits for one in waits[name]]

    def role(self, router: str) -> str:
        """Return hub, spoke, provider or router."""
        spec = self.lab.routers.get(router)
        return spec.role if spec else "router"


def _meant(name: str) -> str:
    """Return suggestions for a misspelled built-in name, as part of a sentence."""
    close = get_close_matches(name, built_in_names(), n=3)
    return f": did you mean {' or '.join(close)}?" if close else ": neither a folder nor a built-in one"


def described(scenario: Scenario) -> JsonValue:
    """Return a lab's answer to a request for its scenario; `from_description` reads it. It has no certificates."""
    return {
        "name": scenario.name,
        "lab": scenario.lab.model_dump(mode="json"),
        "configurations": dict(scenario.configurations),
        "is_exercise": scenario.is_exercise,
    }


def from_description(answer: JsonValue) -> Scenario:
    """Return the scenario of a running lab. Raises UserError."""
    try:
        found = _Description.model_validate(answer)
    except ValidationError as error:
        raise UserError(f"the description of the running lab cannot be read: {error}") from error
    return Scenario(found.name, found.lab, found.configurations, is_exercise=found.is_exercise)


class _Description(Strict):
    name: str
    lab: Lab
    configurations: dict[str, str]
    is_exercise: bool = False
