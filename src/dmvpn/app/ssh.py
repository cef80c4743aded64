"""`dmvpn lab ssh`: SSH to the routers of a lab, each at a port of its own; `dmvpn lab inventory`: for the tools.

One process serves all routers of a lab, on this machine's loopback: a lab's networks are not reached from outside, and
its routers may have any addresses. The user is the lab's own, with a password that is made for the lab: users in
foreign files cannot log in. The process may end and start again without effect on the lab.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dmvpn.app.front_ends import needs_asyncssh
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.files import open_private
from dmvpn.shells.flash import FLASH
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder, find_lab

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dmvpn.app.lab_words import Printer
    from dmvpn.face.ssh.gate import Door

#: The user of a lab.
USER: Final = "lab"
#: What tools need, in the folder of the lab; the password is in it, so it is for its owner alone.
_FILE: Final = "ssh.json"
_KNOWN: Final = "ssh-known-hosts"
_PASSWORD: Final = "ssh-password"  # noqa: S105, the name of a file


class Inventory(Value):
    """How the routers of a lab are reached.

    ports: by the names of the routers.
    keys: the host keys, as lines of known hosts have them behind the address.
    known_hosts: the file with them.
    """

    address: str
    ports: dict[str, int]
    user: str
    password: str
    keys: list[str]
    known_hosts: str


def serve(arguments: argparse.Namespace, printer: Printer) -> int:
    """Let people in until Ctrl-C or the end of the lab. Raises UserError."""
    folder = find_lab(arguments.lab, "dmvpn lab ssh {}".format)
    needs_asyncssh()
    ended = control.end_of(folder.control)
    try:
        asyncio.run(_serve(folder, arguments.address, arguments.port, printer, ended))
    finally:
        os.close(ended)
    return 0


async def _serve(folder: LabFolder, address: str, first: int, printer: Printer, ended: int) -> None:
    from dmvpn.face.ssh.entrance import Visitors
    from dmvpn.face.ssh.gate import Gate, host_keys, public_text, use_one_heap

    use_one_heap()
    keys, password, visitors = host_keys(folder.path), _password(folder.path / _PASSWORD), Visitors()
    status = control.order(folder.control, do="status")
    routers = status.get("routers") if isinstance(status, dict) else None
    names = sorted({*folder.routers, *(list(routers) if isinstance(routers, dict) else [])})
    ports = range(first, first + len(names)) if first else [0] * len(names)
    gates = {
        name: Gate(_door(folder, name, (address, port), password), keys, visitors)
        for name, port in zip(names, ports, strict=True)
    }
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_reader(ended, stopped.set)
    try:
        for gate in gates.values():
            await gate.open()
        known = {name: gate.port for name, gate in gates.items()}
        inventory = Inventory(address, known, USER, password, public_text(keys), str(folder.path / _KNOWN))
        with open_private(folder.path / _KNOWN) as file:
            for port in inventory.ports.values():
                file.writelines(f"[{inventory.address}]:{port} {key}\n" for key in inventory.keys)
        with open_private(folder.path / f"{_FILE}.new") as file:
            json.dump(asdict(inventory), file)
        (folder.path / f"{_FILE}.new").replace(folder.path / _FILE)
        for name, port in known.items():
            printer.say(f"{name:<16} ssh -p {port} {USER}@{address}")
        printer.say(f"the password is {password}; dmvpn lab inventory {folder.name} --format ssh-config has it all")
        printer.row(lab=folder.name, **asdict(inventory))
        await stopped.wait()
    finally:
        for gate in gates.values():
            await gate.close()
        (folder.path / _FILE).unlink(missing_ok=True)


def _door(folder: LabFolder, name: str, place: tuple[str, int], password: str) -> Door:
    from dmvpn.face.ssh.gate import Door

    return Door(folder.management(name), *place, (USER, password), folder.storage(name) / FLASH)


def _password(path: Path) -> str:
    """Return the password of this lab, made at its first use."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        password = secrets.token_urlsafe(12)
        with open_private(path) as file:
            file.write(f"{password}\n")
        return password


# ------------------------------------------------------------------------------------------------ inventories


def inventory(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print what a tool needs to reach the routers. Raises UserError."""
    folder = find_lab(arguments.lab, "dmvpn lab inventory {}".format)
    try:
        found = Inventory(**json.loads((folder.path / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise UserError(f"no SSH server runs for {folder.name}; start it by 'dmvpn lab ssh {folder.name}'") from None
    for line in _FORMATS[arguments.format](found):
        printer.say(line)
    printer.put(lab=folder.name, **asdict(found))
    return 0


def _ssh_config(found: Inventory) -> Iterator[str]:
    for name, port in found.ports.items():
        yield f"Host {name}"
        yield f"    HostName {found.address}"
        yield f"    Port {port}"
        yield f"    User {found.user}"
        yield f"    UserKnownHostsFile {found.known_hosts}"
    yield f"# the password is {found.password}"


def _ansible(found: Inventory) -> Iterator[str]:
    yield f"# Ansible's libssh knows no file of host keys but your own; these are in {found.known_hosts}:"
    yield "# append that file to yours, and set ansible_host_key_checking to true."
    yield "all:"
    yield "  vars:"
    settings = {
        "ansible_connection": "ansible.netcommon.network_cli",
        "ansible_network_os": "cisco.ios.ios",
        "ansible_user": found.user,
        "ansible_password": found.password,
        "ansible_host": found.address,
        "ansible_host_key_checking": False,
    }
    for name, value in settings.items():
        yield f"    {name}: {json.dumps(value)}"
    yield "  hosts:"
    for name, port in found.ports.items():
        yield f"    {name}:"
        yield f"      ansible_port: {port}"


def _nornir(found: Inventory) -> Iterator[str]:
    for name, port in found.ports.items():
        yield f"{name}:"
        yield f"  hostname: {json.dumps(found.address)}"
        yield f"  port: {port}"
        yield f"  username: {json.dumps(found.user)}"
        yield f"  password: {json.dumps(found.password)}"
        yield "  platform: cisco_xe"


def _pyats(found: Inventory) -> Iterator[str]:
    yield "devices:"
    for name, port in found.ports.items():
        yield f"  {name}:"
        yield "    os: iosxe"
        yield "    type: router"
        yield "    credentials:"
        yield "      default:"
        yield f"        username: {json.dumps(found.user)}"
        yield f"        password: {json.dumps(found.password)}"
        yield "    connections:"
        yield "      cli:"
        yield "        protocol: ssh"
        yield f"        ip: {json.dumps(found.address)}"
        yield f"        port: {port}"
        yield f"        ssh_options: {json.dumps(f'-o UserKnownHostsFile={found.known_hosts}')}"


def _netmiko(found: Inventory) -> Iterator[str]:
    devices = {
        name: {
            "device_type": "cisco_xe",
            "host": found.address,
            "port": port,
            "username": found.user,
            "password": found.password,
            "ssh_strict": True,
            "alt_host_keys": True,
            "alt_key_file": found.known_hosts,
        }
        for name, port in found.ports.items()
    }
    yield from json.dumps(devices, indent=2).splitlines()


_FORMATS: Final[dict[str, Callable[[Inventory], Iterator[str]]]] = {
    "ssh-config": _ssh_config,
    "ansible": _ansible,
    "nornir": _nornir,
    "pyats": _pyats,
    "netmiko": _netmiko,
}
