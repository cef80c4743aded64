"""Files by SFTP: what OpenSSH does works, everything else is refused, and nobody gets out of flash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from support.ssh_door import CONFIGURATION, PATIENCE, Door

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    import asyncssh


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    found = Door(tmp_path_factory.mktemp("door"), f"{CONFIGURATION}ip scp server enable\n")
    yield found
    found.close()


@pytest.fixture
def door(shared: Door) -> Door:
    for name in shared.kept:
        (shared.folder / "flash" / name).unlink()
    return shared


def by_client(door: Door, story: Callable[[asyncssh.SFTPClient], Awaitable[None]]) -> None:
    """A client of asyncssh's that may do what OpenSSH's does not."""
    import asyncssh

    async def run() -> None:
        where = ("127.0.0.1", door.port)
        who = {"username": "admin", "password": "hashcat"}
        async with (
            asyncio.timeout(PATIENCE),
            asyncssh.connect(*where, **who, known_hosts=None, client_keys=None, config=None) as connection,
            connection.start_sftp_client() as client,
        ):
            await story(client)

    asyncio.run(run())


@pytest.mark.parametrize("target", ["flash:/x.cfg", "bootflash:x.cfg", "x.cfg", "/x.cfg"])
def test_scp_without_options_copies_to_flash_and_back(door: Door, tmp_path: Path, target: str) -> None:
    octets = bytes(range(256)) * 4000
    (tmp_path / "here").write_bytes(octets)
    assert door.copied("scp", "-s", "-p", str(tmp_path / "here"), f"ROUTER:{target}") == (0, b"")
    assert door.kept == {"x.cfg": octets}
    assert door.copied("scp", "-s", f"ROUTER:{target}", str(tmp_path / "again")) == (0, b"")
    assert (tmp_path / "again").read_bytes() == octets


def test_a_file_keeps_its_name_where_only_the_folder_is_named(door: Door, tmp_path: Path) -> None:
    (tmp_path / "name.cfg").write_bytes(b"x")
    assert door.copied("scp", "-s", str(tmp_path / "name.cfg"), "ROUTER:") == (0, b"")
    assert door.kept == {"name.cfg": b"x"}


def test_openssh_lists_renames_and_removes(door: Door, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    typed = f"put {tmp_path}/a one\nput {tmp_path}/a two\nrename one three\nls -l\nrm two\nls\npwd\n"
    status, said = door.copied("sftp", "-b", "-", "ROUTER", typed=typed.encode())
    assert status == 0, said
    assert door.kept == {"three": b"1234"}
    listed = said.decode().split("ls -l")[1]
    assert [line.split()[-1] for line in listed.splitlines() if "-rw-------" in line] == ["three", "two"]
    assert "Remote working directory: /" in listed


@pytest.mark.parametrize(
    "command",
    [
        "mkdir folder",
        "rmdir flash:",
        "symlink x y",
        "ln x y",
        "get /etc/passwd {folder}/stolen",
        "get ../../etc/passwd {folder}/stolen",
        "get nvram:startup-config {folder}/stolen",
        "put {folder}/here ../outside",
        "put {folder}/here /tmp/outside",
        "put {folder}/here .hidden",
        "rename x ../y",
        "rm ../x",
        "df",
    ],
)
def test_everything_else_is_refused(door: Door, tmp_path: Path, command: str) -> None:
    (tmp_path / "here").write_bytes(b"x")
    door.copied("scp", "-s", str(tmp_path / "here"), "ROUTER:x")
    status, said = door.copied("sftp", "-b", "-", "ROUTER", typed=command.format(folder=tmp_path).encode())
    assert status != 0, said
    assert door.kept == {"x": b"x"}
    assert not (tmp_path / "stolen").exists()


def test_a_planted_link_is_no_file(door: Door, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"x")
    door.copied("scp", "-s", str(tmp_path / "here"), "ROUTER:x")
    (tmp_path / "secret").write_bytes(b"secret")
    (door.folder / "flash" / "link").symlink_to(tmp_path / "secret")
    assert door.copied("scp", "-s", "ROUTER:link", str(tmp_path / "stolen"))[0] != 0
    assert not (tmp_path / "stolen").exists()
    (door.folder / "flash" / "link").unlink()


def test_users_of_lower_levels_reach_no_file(door: Door) -> None:
    status, said = door.copied("sftp", "-b", "-", "ROUTER", user="low", typed=b"ls\n")
    assert status != 0
    assert b"privilege level 15" in said


def test_nothing_is_served_unless_the_router_says_so(tmp_path: Path) -> None:
    door = Door(tmp_path, CONFIGURATION)
    try:
        status, said = door.copied("sftp", "-b", "-", "ROUTER", typed=b"ls\n")
    finally:
        door.close()
    assert status != 0
    assert b"ip scp server enable" in said


def test_a_client_that_goes_without_closing_its_file_has_written_nothing(door: Door) -> None:
    async def story(client: asyncssh.SFTPClient) -> None:
        file = await client.open("x", "wb")
        await file.write(b"half of it")

    by_client(door, story)

    async def again(client: asyncssh.SFTPClient) -> None:
        assert not await client.exists("x")
        async with client.open("x", "wb") as file:
            await file.write(b"whole")

    by_client(door, again)
    assert door.kept == {"x": b"whole"}


def test_what_is_larger_than_flash_is_refused_and_the_file_stays(door: Door) -> None:
    import asyncssh

    async def story(client: asyncssh.SFTPClient) -> None:
        async with client.open("x", "wb") as file:
            await file.write(b"whole")
        file = await client.open("x", "wb")
        with pytest.raises(asyncssh.SFTPError):
            await file.write(b"x", 1 << 40)

    by_client(door, story)
    assert door.kept == {"x": b"whole"}


def test_only_so_many_files_are_open_at_once(door: Door) -> None:
    import asyncssh

    async def story(client: asyncssh.SFTPClient) -> None:
        opened = [await client.open(f"f{number}", "wb") for number in range(4)]
        with pytest.raises(asyncssh.SFTPFailure, match="too many transfers"):
            await client.open("late", "wb")
        await opened[0].close()
        await (await client.open("late", "wb")).close()

    by_client(door, story)
    assert set(door.kept) == {"f0", "late"}


def test_a_name_that_is_taken_stays_with_its_file(door: Door) -> None:
    import asyncssh

    async def story(client: asyncssh.SFTPClient) -> None:
        for name in ("a", "b"):
            async with client.open(name, "wb") as file:
                await file.write(name.encode())
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rename("a", "b")
        await client.posix_rename("a", "b")

    by_client(door, story)
    assert door.kept == {"b": b"a"}


def test_who_goes_with_several_files_open_leaves_room_for_others(door: Door) -> None:
    """A client that went while it wrote several files kept the room of all but one, and then nobody could copy."""
    import asyncssh

    async def go(client: asyncssh.SFTPClient) -> None:
        for name in ("one", "two", "three", "four"):
            await client.open(name, "wb")

    async def copy(client: asyncssh.SFTPClient) -> None:
        names = ("one", "two", "three", "four")
        for file in [await client.open(name, "wb") for name in names]:
            await file.close()

    def copies() -> bool:
        try:
            by_client(door, copy)
        except asyncssh.SFTPFailure:
            return False
        return True

    by_client(door, go)
    assert door.wait_for(copies)
