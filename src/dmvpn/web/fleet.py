"""The labs and routers that this process serves. Everything here blocks: it is called in threads.

A name in a URL is compared with names that exist. It never becomes part of a path.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.face.client import REFUSED, RefusedError, answer_text
from dmvpn.face.messages import Ask
from dmvpn.labs import orders
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.places import LabFolder, running_lab, running_labs, running_services
from dmvpn.shells.lab.sockets import SERVICE
from dmvpn.web.bodies import NO_LAB, Problem
from dmvpn.web.permission import Caller

T = TypeVar("T")

#: Seconds for which a router may be silent.
_PATIENCE: Final = 20.0
#: Characters of a show command.
_LONGEST: Final = 1000


class Running(Value):
    """A router of a lab or service, and its management socket. alive: its process runs."""

    lab: str
    router: str
    alive: bool
    socket: Path


class Fleet(Value):
    """What runs here. lab: this lab alone; router: this router of it alone; None: all that run."""

    lab: str | None = None
    router: str | None = None

    def labs(self) -> list[dict[str, Json]]:
        """Return the labs and services that run, by name."""
        return [
            {"name": folder.name, "service": _is_service(folder), "routers": list(self._routers(folder))}
            for folder in self._folders()
        ]

    def running(self) -> list[Running]:
        """Return all routers, by lab and name."""
        return [
            Running(folder.name, name, alive, folder.management(name))
            for folder in self._folders()
            for name, alive in self._routers(folder).items()
        ]

    def status(self, lab: str) -> dict[str, Json]:
        """Return the state of a lab, or of a service as far as it has one. Raises Problem."""
        folder = self._folder(lab)
        if _is_service(folder) or self.router is not None:
            return {"name": folder.name, "routers": dict(self._routers(folder))}
        try:
            return {"name": folder.name, **orders.status(folder).plain}
        except UserError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error

    def drawn(self, lab: str, draw: Callable[[LabFolder], T]) -> T:
        """Return a drawing of a lab as a whole. Raises Problem."""
        folder = self._folder(lab)
        if _is_service(folder) or self.router is not None:
            raise Problem(HTTPStatus.NOT_FOUND, "a router alone has no map")
        try:
            return draw(folder)
        except UserError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error

    def routers(self, lab: str) -> list[Json]:
        """Return the routers of a lab. Raises Problem."""
        return [{"name": name, "alive": alive} for name, alive in self._routers(self._folder(lab)).items()]

    def lab_for_orders(self, lab: str, *, starting: bool = False) -> LabFolder:
        """Return a lab that may be given orders. starting: also a lab that does not answer yet. Raises Problem."""
        folder = self._folder(lab, starting=starting)
        if _is_service(folder) or self.router is not None:
            raise Problem(HTTPStatus.FORBIDDEN, "this server has no whole lab: it takes no actions")
        return folder

    def hosts(self, lab: str) -> frozenset[str]:
        """Return the names of the hosts of a lab that may be given orders. Raises Problem."""
        folder = self.lab_for_orders(lab)
        try:
            return frozenset(orders.status(folder).hosts)
        except UserError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error

    def sockets(self, lab: str) -> dict[str, Path | None]:
        """Return the management sockets of all routers of a lab; None: it does not run. Raises Problem."""
        folder = self._folder(lab)
        return {name: folder.management(name) if alive else None for name, alive in self._routers(folder).items()}

    def show(self, lab: str, router: str, line: str, caller: Caller) -> str:
        """Return the value of a show as JSON text. Raises Problem."""
        path = self.socket(lab, router)
        if len(line) > _LONGEST or not line.isprintable() or "|" in line:
            raise Problem(HTTPStatus.BAD_REQUEST, "a show is one line of printable characters, without a filter")
        try:
            question = Ask(line, caller.name, caller.role.privilege, caller.place)
            return answer_text(path, question, patience=_PATIENCE)
        except RefusedError as error:
            status = HTTPStatus.BAD_REQUEST if error.status == REFUSED else HTTPStatus.BAD_GATEWAY
            raise Problem(status, str(error)) from error
        except UserError as error:
            raise silent(path, error) from error

    def socket(self, lab: str, router: str) -> Path:
        """Return the management socket of a router that runs. Raises Problem."""
        folder = self._folder(lab)
        alive = self._routers(folder).get(router)
        if alive is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"{folder.name} has no such router")
        if not alive:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{router} does not run")
        return folder.management(router)

    def _folders(self) -> list[LabFolder]:
        return [one for one in (*running_labs(), *running_services()) if self.lab in (None, one.name)]

    def _folder(self, lab: str, *, starting: bool = False) -> LabFolder:
        folder = running_lab(lab, starting=starting) if self.lab in (None, lab) else None
        if folder is None:
            raise Problem(HTTPStatus.NOT_FOUND, NO_LAB)
        return folder

    def _routers(self, folder: LabFolder) -> dict[str, bool]:
        """Return the routers by name, and whether each runs."""
        found = dict.fromkeys(folder.routers, True)
        if not _is_service(folder):
            found |= dict.fromkeys(folder.dead_routers, False)
        return {name: found[name] for name in sorted(found) if self.router in (None, name)}


def silent(path: Path, error: UserError) -> Problem:
    """Return the problem for a router that does not answer. path: its socket, which is no business of the caller."""
    return Problem(HTTPStatus.BAD_GATEWAY, f"{path.stem}: {str(error).removeprefix(f'{path}: ')}")


def _is_service(folder: LabFolder) -> bool:
    return folder.name.startswith(SERVICE)
