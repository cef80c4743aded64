"""Files by SCP: what OpenSSH and Netmiko copy is there, whole or not at all, and nobody gets out of flash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from support.ssh_door import CONFIGURATION, PATIENCE, Door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import asyncssh


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    found = Door(tmp_path, f"{CONFIGURATION}ip scp server enable\n")
    yield found
    found.close()


def scp(door: Door, *words: str, user: str = "admin") -> tuple[int, bytes]:
    """OpenSSH's own `scp`, in its old protocol."""
    return door.copied("scp", "-O", *words, user=user)


@pytest.mark.parametrize("target", ["flash:/x.cfg", "flash:x.cfg", "bootflash:x.cfg", "x.cfg", "/x.cfg"])
def test_a_file_is_copied_to_flash_and_back(door: Door, tmp_path: Path, target: str) -> None:
    octets = bytes(range(256)) * 1000
    (tmp_path / "here").write_bytes(octets)
    assert scp(door, str(tmp_path / "here"), f"ROUTER:{target}")[0] == 0
    assert door.kept == {"x.cfg": octets}
    assert scp(door, f"ROUTER:{target}", str(tmp_path / "again"))[0] == 0
    assert (tmp_path / "again").read_bytes() == octets


def test_a_file_keeps_its_name_where_only_flash_is_named(door: Door, tmp_path: Path) -> None:
    (tmp_path / "name.cfg").write_bytes(b"")
    assert scp(door, "-p", str(tmp_path / "name.cfg"), "ROUTER:flash:")[0] == 0
    assert door.kept == {"name.cfg": b""}


@pytest.mark.parametrize("target", ["flash:../x", "/etc/passwd", "flash:/a/b", "nvram:private-config", "flash:.hidden"])
def test_nobody_gets_out_of_flash(door: Door, tmp_path: Path, target: str) -> None:
    (tmp_path / "here").write_bytes(b"x")
    status, said = scp(door, str(tmp_path / "here"), f"ROUTER:{target}")
    assert status != 0
    assert b"scp: " in said
    assert door.kept == {}
    assert scp(door, f"ROUTER:{target}", str(tmp_path / "again"))[0] != 0
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["system:running-config", "nvram:startup-config"])
def test_the_configurations_can_be_fetched_by_who_may_see_them_and_not_be_written(
    door: Door, tmp_path: Path, name: str
) -> None:
    """Backups by `scp -O ROUTER:system:running-config` were told that this is not in flash."""
    assert scp(door, f"ROUTER:{name}", str(tmp_path / "backup"))[0] == 0
    text = (tmp_path / "backup").read_text()
    assert "hostname " in text
    assert "\r" not in text
    assert scp(door, f"ROUTER:{name}", str(tmp_path / "stolen"), user="low")[0] != 0
    assert not (tmp_path / "stolen").exists()
    assert scp(door, str(tmp_path / "backup"), f"ROUTER:{name}")[0] != 0


def test_a_file_keeps_its_name_where_nothing_is_named(door: Door, tmp_path: Path) -> None:
    (tmp_path / "name.cfg").write_bytes(b"x")
    assert scp(door, str(tmp_path / "name.cfg"), "ROUTER:")[0] == 0
    assert door.kept == {"name.cfg": b"x"}


def test_folders_are_refused(door: Door, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_bytes(b"x")
    assert scp(door, "-r", str(tmp_path / "folder"), "ROUTER:flash:")[0] != 0
    assert door.kept == {}


def test_a_transfer_that_breaks_off_leaves_the_file_as_it_was(door: Door, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"whole")
    scp(door, str(tmp_path / "here"), "ROUTER:flash:x")
    door.ssh("scp -t flash:x", typed="C0644 1000 x\nonly a part of it")
    door.ssh("scp -t flash:x", typed="C0644 99999999999 x\n")
    door.ssh("scp -t flash:x", typed="D0755 0 folder\n")
    door.ssh("scp -t flash:x", typed="C" * 5000)
    assert door.kept == {"x": b"whole"}


def test_users_of_lower_levels_copy_nothing(door: Door, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"x")
    assert b"not permitted" in scp(door, str(tmp_path / "here"), "ROUTER:flash:x", user="low")[1]
    assert door.kept == {}


def test_nothing_is_copied_unless_the_router_says_so(tmp_path: Path) -> None:
    door = Door(tmp_path, CONFIGURATION)
    (tmp_path / "here").write_bytes(b"x")
    try:
        assert b"ip scp server enable" in scp(door, str(tmp_path / "here"), "ROUTER:flash:x")[1]
    finally:
        door.close()
    assert door.kept == {}


async def _connected(door: Door) -> asyncssh.SSHClientConnection:
    import asyncssh

    return await asyncssh.connect(
        *("127.0.0.1", door.port), username="admin", password="hashcat", known_hosts=None, client_keys=None, config=None
    )


def test_only_so_many_copy_at_once_and_the_next_one_may_when_one_has_gone(door: Door) -> None:
    async def said(process: asyncssh.SSHClientProcess[bytes]) -> bytes:
        return await asyncio.wait_for(process.stdout.read(1), PATIENCE)

    async def copy() -> None:
        async with await _connected(door) as connection:

            async def begin() -> asyncssh.SSHClientProcess[bytes]:
                return await connection.create_process("scp -t flash:x", encoding=None)

            waiting = [await begin() for _ in range(4)]
            assert [await said(process) for process in waiting] == [b"\0"] * 4
            late = await begin()
            assert b"too many transfers" in await asyncio.wait_for(late.stdout.read(), PATIENCE)
            waiting[0].stdin.write_eof()
            await asyncio.wait_for(waiting[0].wait(), PATIENCE)
            assert await said(await begin()) == b"\0"

    asyncio.run(copy())


def test_a_break_ends_a_transfer_as_one_that_failed(door: Door) -> None:
    async def copy() -> None:
        async with await _connected(door) as connection:
            process = await connection.create_process("scp -t flash:x", encoding=None)
            await process.stdout.readexactly(1)
            process.send_break(100)
            assert (await asyncio.wait_for(process.wait(), PATIENCE)).exit_status == 1

    asyncio.run(copy())
    assert door.kept == {}
