"""SSH as its users have it: OpenSSH and Netmiko at the door of a router, and those who only want to do harm."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.front_ends import FrontEnds, address_of
from dmvpn.base.errors import UserError
from dmvpn.base.filters import Condition, FilterEntry, FilterList
from dmvpn.base.translation import Addresses
from dmvpn.face.ssh.entrance import Entrance
from support.fake_router import FakeRouter
from support.fakes import FakePolicies
from support.ssh_door import CONFIGURATION, PATIENCE, Door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path, CONFIGURATION)
    yield door
    door.close()


def test_a_user_comes_in_at_the_own_level_and_the_log_says_who(door: Door) -> None:
    shown = door.ssh("-T", typed="show privilege\rshow users\rconfigure terminal\rhostname R2\rend\rexit\r")
    assert shown.startswith("R1#show privilege\r\nCurrent privilege level is 15\r\nR1#")
    assert re.search(r"\* +0 vty 0 +admin +idle +[\d:]+ +127\.0\.0\.1", shown)
    assert "R2#exit" in shown
    assert "%SYS-5-CONFIG_I: Configured from console by admin on vty0 (127.0.0.1)" in door.log()
    assert "%SEC_LOGIN-5-LOGIN_SUCCESS: Login Success [user: admin] [Source: 127.0.0.1]" in door.log()
    assert "R2>" in door.ssh("-tt", user="low", typed="exit\r")


def test_one_command_has_its_answer_and_its_status(door: Door) -> None:
    assert door.ssh("show privilege") == "Current privilege level is 15\n"
    assert "% Invalid input" in door.ssh("show nonsense")


@pytest.mark.parametrize(
    ("user", "password"), [("admin", "wrong"), ("nobody", "hashcat"), ("admin", ""), ("plain", "c")]
)
def test_a_wrong_password_stays_outside_and_is_logged(door: Door, user: str, password: str) -> None:
    assert "Permission denied" in door.ssh("show privilege", user=user, password=password)
    assert f"%SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: {user}]" in door.log()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("form", ["string", "hash"])
def test_a_public_key_lets_its_owner_in_and_nobody_else(tmp_path: Path, kind: str, form: str) -> None:
    for name in ("own", "other"):
        bits = ("-b", "2048") if kind == "rsa" else ()
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *bits, "-N", "", "-f", str(tmp_path / name)], check=True)
    word, data = (tmp_path / "own.pub").read_text().split()[:2]
    lines = "\n".join(data[start : start + 72] for start in range(0, len(data), 72))
    hashed = hashlib.md5(base64.b64decode(data), usedforsecurity=False).hexdigest().upper()
    key = f" key-string\n{lines}\nexit" if form == "string" else f" key-hash {word} {hashed}"
    chain = f"username bob privilege 7\nip ssh pubkey-chain\n username bob\n {key}\n"
    door = Door(tmp_path, CONFIGURATION + chain)
    by_key = ("-o", "PreferredAuthentications=publickey", "-o", "IdentitiesOnly=yes", "-i")
    assert door.ssh("show privilege", options=(*by_key, str(tmp_path / "own")), user="bob") == (
        "Current privilege level is 7\n"
    )
    assert "Permission denied" in door.ssh("show privilege", options=(*by_key, str(tmp_path / "other")), user="bob")
    assert "Permission denied" in door.ssh("show privilege", options=(*by_key, str(tmp_path / "own")), user="low")
    assert door.wait_for(lambda: "LOGIN_SUCCESS: Login Success [user: bob]" in door.log())
    door.close()


def test_host_keys_are_for_their_owner_alone_and_stay(door: Door) -> None:
    keys = sorted(door.folder.glob("ssh-host-*"))
    before = [key.read_bytes() for key in keys]
    assert len(keys) == 2
    assert all(key.stat().st_mode & 0o777 == 0o600 for key in keys)
    door.ssh("show privilege")
    door.kill()
    door.start()
    assert [key.read_bytes() for key in keys] == before
    assert door.ssh("show privilege") == "Current privilege level is 15\n"


def test_only_lines_that_ask_for_users_let_people_in(tmp_path: Path) -> None:
    """A file with `cisco` and `cisco` opens no door by itself."""
    door = Door(tmp_path, CONFIGURATION.replace(" login local\n", " login\n"))
    assert "Permission denied" in door.ssh("show privilege")
    door.close()


def test_too_many_wrong_passwords_close_the_door_for_everybody(tmp_path: Path) -> None:
    door = Door(tmp_path, CONFIGURATION + "login block-for 600 attempts 2 within 60\n")
    for _ in range(2):
        door.ssh("show privilege", password="wrong")
    assert "%SEC_LOGIN-1-QUIET_MODE_ON" in door.log()
    assert "Current privilege" not in door.ssh("show privilege")
    door.live.call(door.router.pass_time)
    assert door.ssh("show privilege") == "Current privilege level is 15\n"
    door.close()


def test_there_are_as_many_sessions_as_lines(tmp_path: Path) -> None:
    door = Door(tmp_path, CONFIGURATION.replace("line vty 0 4", "line vty 0"))
    ask = door.ssh("-T", typed="show users\r")  # warms up, and writes the program that tells the password
    assert "vty 0" in ask
    holding = subprocess.Popen(
        [
            *("ssh", "-F", "none", "-p", str(door.port), "-T", "-o", "StrictHostKeyChecking=no"),
            *("-o", f"UserKnownHostsFile={tmp_path}/known", "admin@127.0.0.1"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "SSH_ASKPASS": f"{tmp_path}/password", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none"},
    )
    assert holding.stdout is not None
    assert holding.stdout.read(3) == b"R1#"
    assert "% all terminal lines are in use" in door.ssh("show privilege")
    door.live.call(lambda: door.live.server.clear(0))
    holding.communicate(timeout=PATIENCE)
    assert door.ssh("show privilege") == "Current privilege level is 15\n"
    door.close()


@pytest.mark.parametrize("kind", ["cisco_ios", "cisco_xe"])
def test_netmiko_works_unchanged(door: Door, kind: str) -> None:
    netmiko = pytest.importorskip("netmiko")
    with netmiko.ConnectHandler(
        device_type=kind, host="127.0.0.1", port=door.port, username="low", password="hashcat", secret="hashcat"
    ) as router:
        assert router.find_prompt() == "R1>"
        router.enable()
        assert router.find_prompt() == "R1#"
        assert "Cisco IOS Software" in router.send_command("show version")
        said = router.send_config_set(["line vty 0 4", "exec-timeout 5"])
        assert "%" not in said
        assert "[OK]" in router.save_config()
    assert any("exec-timeout 5" in line for line in door.router.running.render())


def test_scrapli_works_unchanged(door: Door) -> None:
    scrapli = pytest.importorskip("scrapli")
    connection = scrapli.Cli(
        "127.0.0.1",
        port=door.port,
        definition_file_or_name="cisco_iosxe",
        auth_options=scrapli.AuthOptions(username="admin", password="hashcat"),
        transport_options=scrapli.TransportSsh2Options(),
    )
    with connection as router:
        assert router.get_prompt().result == "R1#"
        assert "Cisco IOS Software" in router.send_input("show version").result
        assert router.send_input("show nonsense").failed
        lines = ["line vty 0 4", "exec-timeout 6"]
        assert not router.send_inputs(lines, requested_mode="configuration").failed
    assert any("exec-timeout 6" in line for line in door.router.running.render())


# ------------------------------------------------------------------------------------------------ bad visitors


def test_two_hundred_who_only_wait_there_keep_nobody_out(door: Door) -> None:
    standing = [socket.create_connection(("127.0.0.1", door.port), PATIENCE) for _ in range(200)]
    for one in standing:
        one.setblocking(False)

    def waiting() -> int:
        count = 0
        for one in standing:
            try:
                while one.recv(4096):
                    pass
            except BlockingIOError:
                count += 1
            except ConnectionError:
                pass
        return count

    assert door.wait_for(lambda: waiting() <= 64)
    assert door.ssh("show privilege") == "Current privilege level is 15\n"
    for one in standing:
        one.close()


def test_a_denied_address_gets_no_key_exchange_and_closes_the_door_for_nobody(tmp_path: Path) -> None:
    """An address outside of the access class got a key exchange; its wrong passwords locked everybody out."""
    door = Door(tmp_path, f"{CONFIGURATION} access-class 5 in\nlogin block-for 600 attempts 1 within 60\n")
    nothing, everything = IPv4Address(0), IPv4Address("255.255.255.255")
    permitted = Condition(
        source=Addresses(IPv4Address("127.0.0.2"), nothing), destination=Addresses(nothing, everything)
    )
    policies = door.router.ports.policies
    assert isinstance(policies, FakePolicies)
    policies.filters = {"5": FilterList("5", (FilterEntry(10, True, permitted),))}
    with socket.create_connection(("127.0.0.1", door.port), PATIENCE) as denied:
        assert denied.recv(100) == b""
    assert "Permission denied" not in door.ssh("show privilege", password="wrong")
    assert "LOGIN_FAILED" not in door.log()
    from_there = ("-b", "127.0.0.2")
    assert door.ssh("show privilege", options=from_there) == "Current privilege level is 15\n"
    assert "Too many wrong" in door.ssh("show privilege", options=from_there, password="wrong")
    assert "%SEC_LOGIN-1-QUIET_MODE_ON" in door.log()
    with socket.create_connection(("127.0.0.1", door.port), PATIENCE, source_address=("127.0.0.2", 0)) as quiet:
        assert quiet.recv(100) == b""
    door.close()


def test_who_comes_by_ipv6_is_judged_by_the_list_of_ipv6(tmp_path: Path) -> None:
    door = Door(tmp_path, f"{CONFIGURATION} access-class 5 in\n ipv6 access-class V in\n", "::1")
    policies = door.router.ports.policies
    assert isinstance(policies, FakePolicies)
    nothing, everything = IPv6Address(0), IPv6Address(2**128 - 1)
    anybody = Condition(source=Addresses(nothing, everything), destination=Addresses(nothing, everything))
    policies.filters = {"V": FilterList("V", (FilterEntry(10, True, anybody),))}
    assert door.ssh("show privilege") == "Current privilege level is 15\n"
    policies.filters = {"V": FilterList("V", (FilterEntry(10, False, anybody),))}
    with socket.create_connection(("::1", door.port), PATIENCE) as denied:
        assert denied.recv(100) == b""
    door.close()


def test_a_router_that_does_not_answer_lets_nobody_come_in(door: Door) -> None:
    door.live.stop_serving()
    with socket.create_connection(("127.0.0.1", door.port), PATIENCE) as one:
        assert one.recv(100) == b""


def test_octets_that_are_no_ssh_end_only_their_own_connection(door: Door) -> None:
    for junk in (b"\0" * 70_000, b"GET / HTTP/1.0\r\n\r\n", b"SSH-2.0-x\r\n" + os.urandom(40_000), b"\xff" * 300):
        with socket.create_connection(("127.0.0.1", door.port), PATIENCE) as one:
            try:
                one.sendall(junk)
                one.shutdown(socket.SHUT_WR)
                while one.recv(65536):
                    pass
            except OSError:
                pass
    assert door.ssh("show privilege") == "Current privilege level is 15\n"


@pytest.mark.parametrize(
    "typed",
    [
        "x" * 1_000_000,
        "?" * 2_000,
        "\x03" * 1_000,
        "show \x03\x1a\x1e\x15configure\r\x03\x03",
        "\x00\xff\t" * 500,
    ],
)
def test_whatever_is_typed_the_next_user_finds_the_prompt(door: Door, typed: str) -> None:
    door.ssh("-T", typed=typed + "\r\x03\rexit\r")
    assert door.ssh("show privilege") == "Current privilege level is 15\n"


def test_files_are_served_only_where_the_router_says_so(door: Door) -> None:
    said = door.ssh("-s", "sftp")
    assert "it takes `ip scp server enable`" in said


def test_a_subsystem_is_no_shell(door: Door) -> None:
    said = door.ssh("-s", "netconf", typed="show privilege\r")
    assert "Only a shell, commands, scp and sftp are served here" in said
    assert "Current privilege" not in said


@pytest.mark.parametrize(
    "user",
    [
        None,
        ("bob", 15, 0, "cisco"),
        ("bob", 15, 7, "02050D480809"),
        ("bob", 15, 4, "." * 43),
        ("bob", 15, 9, "removed"),
    ],
)
def test_a_wrong_password_takes_as_long_whoever_it_is_tried_for(
    user: tuple[str, int, int, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dmvpn.face.ssh import gate

    computed: list[bytes] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, *, salt: bytes, n: int, r: int, p: int, dklen: int) -> bytes:
        computed.append(password)
        return scrypt(password, salt=salt, n=n, r=r, p=p, dklen=dklen)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert not gate._is_right(user, "wrong")
    assert len(computed) == 1


def test_no_realm_of_kerberos_lets_anybody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dmvpn.face.ssh.entrance import Visitors
    from dmvpn.face.ssh.gate import Door as Leading
    from dmvpn.face.ssh.gate import Gate, host_keys

    asked: list[object] = []
    monkeypatch.setattr("asyncssh.connection.GSSServer", lambda *args: asked.append(args))

    async def greet() -> bytes:
        gate = Gate(Leading(tmp_path / "none.sock", "127.0.0.1", 0, ("lab", "lab")), host_keys(tmp_path), Visitors())
        await gate.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        greeting = await reader.readline()
        writer.close()
        await gate.close()
        return greeting

    assert asyncio.run(greet()).startswith(b"SSH-2.0-")
    assert asked == []


# ------------------------------------------------------------------------------------------------ beside `dmvpn run`


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1:22"),
        ("192.0.2.1:2222", "192.0.2.1:2222"),
        ("[2001:db8::1]:2222", "[2001:db8::1]:2222"),
        ("[2001:db8::1]", "[2001:db8::1]:22"),
        ("2001:db8::1", "[2001:db8::1]:22"),
        ("router.example", "router.example:22"),
    ],
)
def test_an_address_may_come_with_a_port(text: str, address: str) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", ":22", "192.0.2.1:", "192.0.2.1:ssh", "192.0.2.1:70000"])
def test_what_is_no_address_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UserError, match="it takes ADDRESS"):
        address_of(text)


def test_the_process_that_serves_ssh_is_started_again(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """It also is ended when nobody wants it any more, and a port that is taken is named."""
    door.kill()
    wanted = [f"127.0.0.1:{door.port}"]

    async def live() -> None:
        fronts = FrontEnds(door.live.path, door.folder, lambda: wanted)
        fronts.start()
        first = await _process_of(fronts, None)
        first.kill()
        second = await _process_of(fronts, first)
        assert second.pid != first.pid
        assert await asyncio.to_thread(door.wait_for, lambda: "level is 15" in door.ssh("show privilege"))
        wanted.clear()
        assert await asyncio.to_thread(door.wait_for, lambda: not fronts.processes and second.returncode is not None)
        await fronts.stop()

    asyncio.run(live())
    assert "is started again" in caplog.text
    assert (door.folder / "ssh").stat().st_mode & 0o777 == 0o700


async def _process_of(fronts: FrontEnds, not_this: asyncio.subprocess.Process | None) -> asyncio.subprocess.Process:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = next(iter(fronts.processes), None)
            if found is not None and found is not not_this:
                return found
            await asyncio.sleep(0.05)


def test_a_session_is_of_the_vrf_whose_device_it_came_through() -> None:
    """A VRF of a Linux host is a device; here the loopback device stands for one."""

    async def live() -> tuple[str, str]:
        came: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()

        def arrive(arrived: socket.socket, location: str, vrf: str) -> None:
            arrived.close()
            came.set_result((location, vrf))

        entrance = Entrance(arrive)
        await entrance.open("127.0.0.1", 0, "lo")
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection("127.0.0.1", entrance.port)
            found = await came
        writer.close()
        await entrance.close()
        return found

    assert asyncio.run(live()) == ("127.0.0.1", "lo")


def test_a_vrf_without_a_device_is_named(door: Door) -> None:
    gone = serve_at(door, f"127.0.0.1:{door.port}@NOSUCH")
    assert f"127.0.0.1 port {door.port} in VRF NOSUCH: " in gone


def test_a_port_that_is_taken_is_named(door: Door) -> None:
    assert f"127.0.0.1 port {door.port}: " in serve_at(door, f"127.0.0.1:{door.port}")


def serve_at(door: Door, place: str) -> str:
    """Return what the process says that cannot listen there."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dmvpn.face.ssh", "--socket", str(door.live.path)),
            *("--listen", place, "--keys", str(door.folder)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    return done.stderr.decode()


def test_a_configuration_listens_only_with_a_line_of_the_group() -> None:
    port = "ip ssh port 2222 rotary 1\nline vty 0 4\n"
    assert FakeRouter(port).system.config.ssh_port is None
    assert FakeRouter(f"{port} rotary 1\n").system.config.ssh_port == 2222
    assert FakeRouter(f"{port} rotary 1\n transport input telnet\n").system.config.ssh_port is None
    assert FakeRouter("line vty 0 4\n rotary 1\n").system.config.ssh_port is None
