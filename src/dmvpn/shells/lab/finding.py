"""Finds the lab, router, host or gateway that the command line names.

"LAB/R31" is unambiguous. "R31" alone means the one lab that has such a node, however many are up; if several have one,
or none has, the error names those labs, and a command that can be typed as it is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.shells.lab import sockets
from dmvpn.shells.lab.places import LabFolder, running_labs, running_services
from dmvpn.shells.lab.sockets import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: The user's command, with another name for the lab or the node.
    Command = Callable[[str], str]


#: Seconds for which one of several labs may be silent: a command for another lab waits for it.
_PATIENCE: Final = 2.0


def find_lab(
    name: str | None, command: Command = str, nodes: Sequence[str] = (), *, starting: bool = False
) -> LabFolder:
    """Return the lab or service of this name; without one the only lab that runs, or that has all these nodes.

    command: the user's command, for this lab. starting: also a lab that does not answer yet. Raises UserError.
    """
    running = running_labs(starting=starting)
    if name is not None:
        for folder in (*running, *running_services()):
            if folder.name == name:
                return folder
        starts = "dmvpn run FILE" if name.startswith(SERVICE) else f"dmvpn lab up {name}"
        raise UserError(f"no lab {name} is up; '{starts}' starts it{_unseen()}")
    if not running:
        raise UserError(
            f"no lab is up; 'dmvpn lab list' shows what there is, 'dmvpn lab up NAME' starts one{_unseen()}"
        )
    if len(running) == 1:
        return running[0]
    if not nodes:
        raise UserError(
            f"several labs are up ({', '.join(folder.name for folder in running)}): "
            f"say which, as in '{command(running[0].name)}'"
        )
    having = [folder for folder in running if set(nodes) <= set(nodes_of(folder))]
    if len(having) == 1:
        return having[0]
    raise UserError(_unclear(" and ".join(nodes), having, running, command((having or running)[0].name)))


def find_router(text: str, command: Command, *, dead: bool = False) -> tuple[LabFolder, str]:
    """Return the lab and router of "R31" or "LAB/R31"; a service counts if no lab has it.

    command: the user's command, for this router.
    dead: a killed router counts, too. Raises UserError.
    """
    lab, slash, router = text.rpartition("/")
    folder = find_lab(lab) if slash else _lab_with(router, command)
    if not _has_socket(folder, router):
        if router in folder.dead_routers and dead:
            return folder, router
        if router in folder.dead_routers:
            raise UserError(f"{router} is dead; 'dmvpn lab start {text}' starts it again")
        raise UserError(f"lab {folder.name} has no router {router}; it has {', '.join(folder.routers)}")
    return folder, router


def find_node(text: str, command: Command) -> tuple[LabFolder, str]:
    """Return the lab and the router, host or gateway of "H3" or "LAB/H3"; the lab itself checks whether it has the
    node.

    command: the user's command, for this node. Raises UserError.
    """
    lab, slash, node = text.rpartition("/")
    return find_lab(lab if slash else None, lambda name: command(f"{name}/{node}"), [node]), node


def some_router() -> str:
    """Return a router that could be named now, for advice; "ROUTER" if none runs."""
    running = running_labs()
    if not running:
        return "ROUTER"
    return f"{running[0].name}/{running[0].routers[0]}" if len(running) > 1 else running[0].routers[0]


def nodes_of(folder: LabFolder) -> list[str]:
    """Return routers, hosts and gateways of a lab that runs; none if it does not answer."""
    from dmvpn.shells.lab import control  # not for a command on a router, which must be quick

    try:
        status = control.order(folder.control, _PATIENCE, do="status")
    except UserError:
        return []
    parts = [status.get(part) for part in ("routers", "hosts", "gateways")] if isinstance(status, dict) else []
    return [name for part in parts if isinstance(part, dict) for name in part]


def _has_socket(folder: LabFolder, router: str) -> bool:
    return folder.management(router) != folder.control and folder.management(router).exists()


def _lab_with(router: str, command: Command) -> LabFolder:
    """Return the only lab that has this router, alive or dead; else its service."""
    running = running_labs()
    having = [folder for folder in running if _has_socket(folder, router) or router in folder.dead_routers]
    if len(having) == 1:
        return having[0]
    service = next((each for each in running_services() if each.name == f"{SERVICE}{router}"), None)
    if not having and service is not None:
        return service
    if len(running) < 2:
        return find_lab(None)
    raise UserError(_unclear(router, having, running, command(f"{(having or running)[0].name}/{router}")))


def _unclear(what: str, having: Sequence[LabFolder], running: Sequence[LabFolder], command: str) -> str:
    if having:
        *most, last = [folder.name for folder in having]
        return f"the labs {', '.join(most)} and {last} have {what}: say which, as in '{command}'"
    labs = "; ".join(f"{folder.name} has {', '.join(nodes_of(folder) or folder.routers)}" for folder in running)
    return f"no lab that is up has {what}: {labs}"


def _unseen() -> str:
    """Return the end of an error message, if there are services that this user may not see."""
    try:
        os.stat(sockets.SERVICES)
    except PermissionError:
        return (
            "; of a service the prompt is for root, its own user and the members of the group with which it was "
            "started ('dmvpn run --group'; as a new member log in again)"
        )
    except OSError:
        pass
    return ""
