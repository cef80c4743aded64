"""Users and secrets: what becomes of a plain password on its way, and who may do what."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import subprocess

import pytest

from dmvpn.base.breath import BrokenOff
from dmvpn.base.credentials import MD5, PBKDF2, SCRYPT, check_secret, hashed, is_right
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, LinesEntered, Tick
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.face.language import BUILTINS
from dmvpn.face.server import access, free_line
from dmvpn.face.session import ConsoleSession
from dmvpn.face.ssh.entrance import MOST, MOST_FROM_ONE, Visitor, Visitors
from dmvpn.features.system import LoginFailed, LoginSucceeded, SystemMachine
from dmvpn.ios.language import sealed_text
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from support.fake_router import FakeRouter
from support.work import Breaths

VTY = TerminalLine("vty", 0, "admin", "10.0.0.5")
#: hashcat's published example of type 9; the password is `hashcat`.
TYPE_9 = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"


class Terminal:
    """A session on a fake router."""

    def __init__(self, text: str = "hostname R1\n", *, line: TerminalLine | None = None, privilege: int = 15) -> None:
        self.router = FakeRouter(text)
        self.session = ConsoleSession(self.router, new_session(), line=line or TerminalLine(), privilege=privilege)
        self.session.start()
        self.session.take_output()

    def type(self, text: str) -> str:
        self.session.feed(text.encode())
        return self.session.take_output().decode()

    @property
    def running(self) -> list[str]:
        return self.router.running.render()


# ------------------------------------------------------------------------------------------------ hashes


@pytest.mark.parametrize("kind", [MD5, PBKDF2, SCRYPT])
def test_a_hash_that_is_made_here_is_one_of_its_type_and_opens_with_the_password_alone(kind: int) -> None:
    made = hashed(kind, "S3cret word", bytes(range(100, 116)))
    check_secret(kind, made)
    assert is_right(kind, made, "S3cret word")
    assert not is_right(kind, made, "s3cret word")
    assert len(made.split("$")[2]) == (4 if kind == MD5 else 14)


def test_type_9_is_scrypt_as_ios_has_it() -> None:
    made = hashed(SCRYPT, "cisco", bytes(16))
    salt, text = made.split("$")[2:]
    octets = hashlib.scrypt(b"cisco", salt=salt.encode(), n=16384, r=1, p=1, dklen=32)
    alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    bits = "".join(f"{octet:08b}" for octet in octets) + "00"
    assert text == "".join(alphabet[int(bits[place : place + 6], 2)] for place in range(0, 258, 6))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize("word", ["a", "cisco", "a longer one with blanks", "x" * 40])
def test_type_5_is_what_openssl_makes(word: str) -> None:
    made = hashed(MD5, word, b"saltsaltsaltsalt")
    salt = made.split("$")[2]
    other = subprocess.run(["openssl", "passwd", "-1", "-salt", salt, word], capture_output=True, text=True, check=True)
    assert made == other.stdout.strip()


# ------------------------------------------------------------------------------------------------ typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("username bob privilege 15 secret S3cret", r"username bob privilege 15 secret 9 \$9\$.{14}\$.{43}"),
        ("username bob secret 0 S3cret", r"username bob secret 9 \$9\$.{14}\$.{43}"),
        ("username bob algorithm-type sha256 secret S3cret", r"username bob secret 8 \$8\$.{14}\$.{43}"),
        ("username bob algorithm-type md5 secret S3cret", r"username bob secret 5 \$1\$.{4}\$.{22}"),
        ("user bob sec S3cret", r"username bob secret 9 \$9\$.{14}\$.{43}"),
        ("enable secret S3cret", r"enable secret 9 \$9\$.{14}\$.{43}"),
        ("enable secret level 7 S3cret", r"enable secret level 7 9 \$9\$.{14}\$.{43}"),
        ("enable algorithm-type scrypt secret S3cret", r"enable secret 9 \$9\$.{14}\$.{43}"),
    ],
)
def test_a_plain_secret_is_a_hash_before_anybody_keeps_it(typed: str, kept: str) -> None:
    terminal = Terminal()
    terminal.type(f"conf t\r{typed}\rend\r")
    assert [line for line in terminal.running if re.fullmatch(kept, line)]
    (entered,) = [event for event in terminal.router.posted if isinstance(event, LinesEntered)]
    assert "S3cret" not in repr(entered)
    assert "S3cret" not in terminal.type("show history\r")


def test_a_browser_without_scrypt_makes_hashes_of_type_5_and_takes_those_of_type_9_as_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(hashlib, "scrypt")
    monkeypatch.delattr(hashlib, "pbkdf2_hmac")
    terminal = Terminal()
    terminal.type("conf t\renable algorithm-type sha256 secret S3cret\rend\r")
    assert [line for line in terminal.running if re.fullmatch(r"enable secret 5 \$1\$.{4}\$.{22}", line)]
    assert not is_right(SCRYPT, TYPE_9, "hashcat")


def test_a_hash_is_shown_as_it_was_typed() -> None:
    terminal = Terminal()
    terminal.type(f"conf t\rusername bob privilege 15 secret 9 {TYPE_9}\rend\r")
    assert f"username bob privilege 15 secret 9 {TYPE_9}" in terminal.running


def test_a_secret_and_a_level_may_come_one_after_the_other() -> None:
    terminal = Terminal()
    terminal.type(f"conf t\rusername bob secret 9 {TYPE_9}\rusername bob privilege 7\rend\r")
    assert f"username bob privilege 7 secret 9 {TYPE_9}" in terminal.running


@pytest.mark.parametrize("written", ["cisco", "0 cisco", "7 094F471A1A0A"])
def test_a_password_that_anybody_can_read_is_kept_with_a_warning(written: str) -> None:
    terminal = Terminal()
    assert "%Warning: any reader of" in terminal.type(f"conf t\rusername bob password {written}\r")
    assert f"username bob password {written}" in terminal.running


def test_lines_behind_a_secret_are_in_effect_in_their_order() -> None:
    terminal = Terminal()
    terminal.type("conf t\rusername a secret x\rhostname R2\rusername b secret y\rhostname R3\rend\r")
    assert [line.split()[1] for line in terminal.running if line.startswith("username")] == ["a", "b"]
    assert "hostname R3" in terminal.running


def test_while_a_hash_is_made_the_router_goes_on_and_what_is_typed_is_kept() -> None:
    router, seen = FakeRouter(), list[bool]()
    session = ConsoleSession(router, new_session())
    session.start()

    def meanwhile() -> None:
        if not seen and breaths.asides:
            session.type_ahead(b"hostname R9\r")
            seen.append(any("bob" in line or "R9" in line for line in router.running.render()))

    with Breaths(meanwhile) as breaths:
        session.feed(b"conf t\rusername bob secret x\r")
        session.feed(b"")
    assert seen == [False]
    assert breaths.asides == 1
    assert "hostname R9" in router.running.render()
    assert session.take_output().endswith(b"R9(config)#")


def test_who_hangs_up_while_a_hash_is_made_leaves_nothing() -> None:
    router = FakeRouter()
    session = ConsoleSession(router, new_session())
    session.start()

    def gone() -> None:
        if breaths.asides:
            session.give_up()
            raise BrokenOff

    with Breaths(gone) as breaths:
        session.feed(b"conf t\rusername bob secret x\rhostname R9\r")
    session.hang_up()
    assert not any("bob" in line or "R9" in line for line in router.running.render())


def test_a_script_has_its_secrets_hashed_too() -> None:
    router = FakeRouter()
    shot = OneShot(router, new_session(), ["configure terminal", "username bob secret S3cret", "end"])
    while not shot.done:
        shot.step()
    assert shot.status == 0
    assert any(line.startswith("username bob secret 9 $9$") for line in router.running.render())


# ------------------------------------------------------------------------------------------------ files


def test_a_file_has_its_secrets_hashed_wherever_they_are() -> None:
    language = configurator(FEATURES)
    text = (
        "hostname R1\nenable secret plain1\nR1(config)#username bob priv 15 sec plain2\n"
        f"username eve secret 9 {TYPE_9}\nbanner motd ^C user plain ^C\nusername al password plain3\n"
    )
    sealed = sealed_text(language, text, SeededEntropy(1))
    assert "plain1" not in sealed
    assert "plain2" not in sealed
    assert f"username eve secret 9 {TYPE_9}\nbanner motd ^C user plain ^C\nusername al password plain3\n" in sealed
    assert sealed_text(language, sealed, SeededEntropy(2)) == sealed


@pytest.mark.parametrize(
    "line",
    [
        "us bob secret plain1",
        "use bob secret plain1",
        "username\x0bbob secret plain1",
        "\xa0username\u2003bob secret plain1",
        "\x0cusername bob secret plain1",
        "\ufeffusername bob secret plain1",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_has_its_secrets_hashed_however_their_lines_are_cut_and_spaced(line: str, end: str) -> None:
    language = configurator(FEATURES)
    sealed = sealed_text(language, f"{line}{end}hostname R9{end}", SeededEntropy(1))
    assert "plain1" not in sealed
    assert sealed.endswith(f"{end}hostname R9{end}")
    (user,) = (text for text in language.parse_text(sealed).tree.render() if text.startswith("username"))
    assert is_right(SCRYPT, user.split()[-1], "plain1")


def test_a_secret_that_ends_with_ctrl_z_is_entered() -> None:
    terminal = Terminal()
    terminal.type("configure terminal\r")
    assert terminal.type("username bob secret S3cret99\x1a").endswith("R1#")
    assert any(line.startswith("username bob secret 9 $9$") for line in terminal.running)
    assert "S3cret99" not in terminal.type("show history\r")


def test_a_user_who_is_removed_with_ctrl_z_is_gone_after_the_question() -> None:
    terminal = Terminal("hostname R1\nusername bob privilege 3\n")
    terminal.type("configure terminal\r")
    assert terminal.type("no username bob\x1a").endswith("[confirm]")
    assert terminal.type("\r").endswith("R1#")
    assert not [line for line in terminal.running if line.startswith("username")]


@pytest.mark.parametrize(
    "line",
    ["u bob secret plain1", "use bob sec plain1", "R1(config)#us bob secret plain1", "\ufeffenable secret plain1"],
)
def test_a_file_has_no_plain_secret_however_short_its_words_are(line: str) -> None:
    language = configurator(FEATURES)
    assert language.parse_text(line).problems == ()
    assert "plain1" not in sealed_text(language, line, SeededEntropy(1))


def test_a_recording_has_no_plain_secret() -> None:
    scenario = Scenario.load("guide-phase2")
    name = next(iter(scenario.configurations))
    scenario.configurations[name] += "username bob secret S3cret99\n"
    written: list[str] = []
    world = Simulator.of(scenario, record=written.append)
    assert "S3cret99" not in "".join(written)
    assert any(line.startswith("username bob secret 9 $9$") for line in world.routers[name].router.running.render())
    assert "S3cret99" not in world.routers[name].router.startup_text


@pytest.mark.parametrize(
    "line",
    [
        "username bob privilege 15 secret 0 S3cret99",
        "username bob password S3cret99",
        "username bob password 7 S3cret99",
        "username bob secret 5 S3cret99",
        "enable password S3cret99",
        "enable secret level 3 S3cret99",
        "crypto pki trustpoint CA\n enrollment url http://ann:S3cret99@ca.example/scep",
        "interface GigabitEthernet0/1\n description see ftp://ann:S3cret99@files.example",
        "router isis\n area-password S3cret99",
    ],
)
def test_nobody_else_is_shown_a_password(line: str) -> None:
    """`show tech-support` printed the password of a user."""
    tree = configurator(FEATURES).parse_text(line).tree
    assert tree.render()
    assert "S3cret99" not in "\n".join(tree.render_for_others())


def test_a_file_that_is_merged_leaves_its_plain_secrets_behind() -> None:
    terminal = Terminal()
    terminal.router.startup_text = "username bob secret S3cret99\n"
    terminal.type("copy startup-config running-config\r\r")
    assert any(line.startswith("username bob secret 9 $9$") for line in terminal.running)


# ------------------------------------------------------------------------------------------------ removal


def test_a_user_is_removed_after_a_question() -> None:
    terminal = Terminal(f"username bob secret 9 {TYPE_9}\n")
    said = terminal.type("conf t\rno username bob\r")
    assert said.endswith(
        "This operation will remove all username related configurations with same name."
        "Do you want to continue? [confirm]"
    )
    assert terminal.type("n").endswith("(config)#")
    assert any("bob" in line for line in terminal.running)
    terminal.type("no username bob\ry")
    assert not any("bob" in line for line in terminal.running)
    assert terminal.type("no username bob\r").endswith("(config)#")


def test_a_script_need_not_answer() -> None:
    router = FakeRouter(f"username bob secret 9 {TYPE_9}\n")
    shot = OneShot(router, new_session(), ["configure terminal", "no username bob", "hostname R2", "end"])
    while not shot.done:
        shot.step()
    assert not any("bob" in line for line in router.running.render())
    assert "hostname R2" in router.running.render()


# ------------------------------------------------------------------------------------------------ levels


def test_over_the_network_enable_needs_a_secret() -> None:
    terminal = Terminal(line=VTY, privilege=1)
    assert terminal.type("enable\r").endswith("% No password set\r\nR1>")


def test_each_level_has_a_secret_of_its_own() -> None:
    terminal = Terminal(f"hostname R1\nenable secret level 7 9 {TYPE_9}\nenable secret 0 top\n", line=VTY, privilege=1)
    terminal.type("enable 7\rhashcat\r")
    assert "level is 7" in terminal.type("show privilege\r")
    assert terminal.type("enable\rhashcat\rtop\r").endswith("R1#")
    assert "level is 15" in terminal.type("show privilege\r")


def test_a_command_may_belong_to_another_level() -> None:
    terminal = Terminal("hostname R1\nprivilege exec level 5 show numbers\n", line=VTY, privilege=4)
    assert "% Invalid input" in terminal.type("show numbers 1\r")
    terminal = Terminal("hostname R1\nprivilege exec level 5 show startup-config\n", line=VTY, privilege=5)
    assert "Using" in terminal.type("show startup-config\r")
    assert "startup-config" in terminal.type("show st?")


def test_who_may_use_configure_may_not_therefore_change_everything() -> None:
    terminal = Terminal("hostname R1\nprivilege exec level 5 configure\n", line=VTY, privilege=5)
    assert "% Error: a configuration change needs privilege level 15" in terminal.type("configure terminal\r")


def test_at_level_0_there_are_the_five_commands_of_ios_alone() -> None:
    assert {command.syntax.split()[0] for command in BUILTINS if command.privilege == 0} == {
        *("disable", "enable", "exit", "logout", "quit")
    }


def test_the_loop_goes_on_while_passwords_are_computed() -> None:
    """A hash lets go of the interpreter's lock: in a thread it holds up nobody."""

    async def turns() -> int:
        work = asyncio.ensure_future(asyncio.to_thread(hashed, SCRYPT, "x", bytes(16)))
        count = 0
        while not work.done():
            await asyncio.sleep(0)
            count += 1
        return count

    assert asyncio.run(turns()) > 3


# What a router tells those who let people in over the network: who may come, from where, and when nobody may.

HASH = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
USERS = f"username bob privilege 7 secret 9 {HASH}\nusername eve secret 9 {HASH}\nusername nil nopassword\n"
LINES = "line vty 0 4\n login local\n"


def router_of(text: str) -> Router:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(text), 0.0)
    return router


def names(router: Router, location: str = "10.0.0.5", now: float = 1.0, vrf: str = "") -> list[str]:
    """Who may come in."""
    return [user[0] for user in access(router.context(now), location, vrf).users]


def log_of(router: Router) -> str:
    return "\n".join(router.machine(SystemMachine).syslog.lines)


def test_users_with_a_password_come_in_at_their_levels() -> None:
    assert [user[:3] for user in access(router_of(USERS + LINES).context(1.0), "10.0.0.5").users] == [
        ("bob", 7, 9),
        ("eve", 1, 9),
    ]
    leveled = router_of(f"{USERS}{LINES} privilege level 3\n")
    assert [user[1] for user in access(leveled.context(1.0), "10.0.0.5").users] == [7, 3]


@pytest.mark.parametrize(
    ("lines", "comes"),
    [
        ("", False),
        ("line vty 0 4\n login\n", False),
        ("line vty 0 4\n no login\n", False),
        (f"{LINES} transport input telnet\n", False),
        (f"{LINES} transport input none\n", False),
        (f"{LINES} transport input telnet ssh\n", True),
        (f"{LINES} transport input all\n", True),
        ("line vty 0 4\n transport input ssh\nline vty 5 15\n login local\n", True),
        ("aaa new-model\naaa authentication login default local\nline vty 0 4\n transport input ssh\n", True),
        ("aaa new-model\naaa authentication login default group tacacs+ local\nline vty 0 4\n length 0\n", True),
        ("aaa new-model\naaa authentication login default group tacacs+\nline vty 0 4\n login local\n", False),
        ("aaa new-model\naaa authentication login VTY local\nline vty 0 4\n login authentication VTY\n", True),
        ("aaa new-model\naaa authentication login VTY local\nline vty 0 4\n length 0\n", False),
    ],
)
def test_people_come_in_only_where_a_line_asks_for_users_of_the_configuration(lines: str, comes: bool) -> None:
    assert bool(names(router_of(USERS + lines))) == comes


@pytest.mark.parametrize(
    ("location", "comes"), [("10.0.0.5", True), ("10.1.0.5", False), ("2001:db8::1", False), ("nonsense", False)]
)
def test_an_access_class_says_from_where(location: str, comes: bool) -> None:
    text = f"{USERS}access-list 5 permit 10.0.0.0 0.0.0.255\n{LINES} access-class 5 in\n"
    assert bool(names(router_of(text), location)) == comes


@pytest.mark.parametrize(
    ("entry", "comes"),
    [
        ("permit tcp 10.0.0.0 0.0.0.255 any eq 22 443", True),
        ("permit tcp 10.0.0.0 0.0.0.255 any eq 443", False),
        ("permit tcp 10.0.0.0 0.0.0.255 any dscp ef", False),
        ("permit tcp object-group STAFF any eq 22", False),
        ("deny tcp object-group GUESTS any\naccess-list 105 permit ip any any", False),
        ("permit icmp any any echo\naccess-list 105 permit tcp any any eq 22 log", True),
        ("deny esp any any\naccess-list 105 permit ip any any log", True),
        ("deny udp any any neq 53\naccess-list 105 permit ip any any", True),
    ],
)
def test_an_extended_access_class_lets_in_only_whom_it_surely_means(entry: str, comes: bool) -> None:
    """One entry about GRE or ESP kept everybody out, whatever the others said."""
    assert bool(names(router_of(f"{USERS}access-list 105 {entry}\n{LINES} access-class 105 in\n"))) == comes


@pytest.mark.parametrize(
    ("lines", "comes"),
    [
        ("", {"", "RED", "BLUE"}),
        (" access-class 5 in\n", {""}),
        (" access-class 5 in vrf-also\n", {"", "RED", "BLUE"}),
        (" access-class 5 in vrfname RED\n", {"", "RED"}),
        (" access-class 6 in vrfname RED\n", {""}),
        (" access-class 5 in\n access-class 5 in vrfname BLUE\n", {"", "BLUE"}),
        (" access-class 6 in\n access-class 5 in vrfname BLUE\n", {"BLUE"}),
        (" access-class 6 in vrf-also\n", set()),
    ],
)
def test_an_access_class_is_for_sessions_through_vrfs_only_if_it_says_so(lines: str, comes: set[str]) -> None:
    """`vrf-also` was kept without effect."""
    lists = "access-list 5 permit 10.0.0.0 0.0.0.255\naccess-list 6 permit 10.9.0.0 0.0.0.255\n"
    router = router_of(f"{USERS}ip vrf RED\nip vrf BLUE\n{lists}{LINES}{lines}")
    assert {vrf for vrf in ("", "RED", "BLUE") if names(router, vrf=vrf)} == comes


@pytest.mark.parametrize(
    ("lines", "come"),
    [
        (" ipv6 access-class V6 in\n", {"10.9.0.1", "10.0.0.5", "2001:db8::1"}),
        (" access-class 5 in\n ipv6 access-class V6 in\n", {"10.0.0.5", "2001:db8::1"}),
        (" ipv6 access-class MISSING in\n", {"10.9.0.1", "10.0.0.5"}),
        (" ipv6 access-class 5 in\n", {"10.9.0.1", "10.0.0.5"}),
    ],
)
def test_an_access_class_of_ipv6_says_from_which_of_its_addresses(lines: str, come: set[str]) -> None:
    lists = "access-list 5 permit 10.0.0.0 0.0.0.255\nipv6 access-list V6\n permit tcp 2001:db8::/32 any eq 22\n"
    router = router_of(f"{USERS}{lists}{LINES}{lines}")
    where = ("10.0.0.5", "10.9.0.1", "2001:db8::1", "2001:db9::1")
    assert {one for one in where if names(router, one)} == come


def test_an_access_class_that_is_not_there_lets_in_nobody() -> None:
    assert names(router_of(f"{USERS}{LINES} access-class 5 in\n")) == []


def test_after_too_many_wrong_passwords_the_door_is_closed_for_a_while() -> None:
    router = router_of(
        f"{USERS}access-list 5 permit host 10.0.0.9\nlogin block-for 60 attempts 3 within 10\n"
        f"login quiet-mode access-class 5\nlogin on-failure log\nlogin on-success log\n{LINES}"
    )
    for now in (1.0, 20.0, 25.0):
        router.handle(LoginFailed("bob", "192.0.2.1", 22), now)
        assert names(router, now=now) == ["bob", "eve"]
    router.handle(LoginFailed("bob", "192.0.2.1", 22), 29.0)
    assert names(router, now=30.0) == []
    assert names(router, "10.0.0.9", 30.0) == ["bob", "eve"]
    assert "%SEC_LOGIN-1-QUIET_MODE_ON" in log_of(router)
    router.handle(Tick(), 89.0)
    assert names(router, now=90.0) == ["bob", "eve"]
    assert "%SEC_LOGIN-5-QUIET_MODE_OFF" in log_of(router)
    router.handle(LoginSucceeded("bob", "10.0.0.9", 22), 91.0)
    assert "Login Success [user: bob] [Source: 10.0.0.9] [localport: 22] at " in log_of(router)


def test_sessions_sit_on_lines_that_take_ssh() -> None:
    config = router_of("line vty 0 1\n transport input telnet\nline vty 2 3\n").machine(SystemMachine).config
    assert [free_line(config, taken) for taken in ((), (2,), (2, 3))] == [2, 3, None]
    assert free_line(router_of("").machine(SystemMachine).config, range(49)) == 49
    assert free_line(router_of("").machine(SystemMachine).config, range(50)) is None


def test_wrong_passwords_from_a_denied_address_do_not_close_the_door() -> None:
    """An address that no access class has kept everybody out: its wrong passwords switched on quiet mode."""
    router = router_of(
        f"{USERS}access-list 5 permit 10.0.0.0 0.0.0.255\nlogin block-for 60 attempts 2 within 10\n"
        f"{LINES} access-class 5 in\n"
    )
    for now in (1.0, 2.0, 3.0):
        router.handle(LoginFailed("bob", "192.0.2.1", 22), now)
    assert names(router, now=4.0) == ["bob", "eve"]
    for now in (5.0, 6.0):
        router.handle(LoginFailed("bob", "10.0.0.7", 22), now)
    assert names(router, now=7.0) == []


# ------------------------------------------------------------------------------------------------ without a login


class Door:
    """Connections without a login."""

    def __init__(self) -> None:
        self.visitors = Visitors()
        self.closed: list[str] = []

    def comes(self, location: str, *, named: bool = False) -> Visitor | None:
        """Return the visitor, if there is a place. named: it named a user."""
        visitor = Visitor(location, lambda: self.closed.append(location))
        visitor.is_silent = not named
        return visitor if self.visitors.admit(visitor) else None


def test_a_silent_connection_makes_room_for_the_next_one() -> None:
    """64 who only connected kept everybody out for half a minute."""
    door = Door()
    for number in range(MOST + 3):
        assert door.comes(f"192.0.2.{number}")
    assert door.closed == ["192.0.2.0", "192.0.2.1", "192.0.2.2"]


def test_a_flood_from_few_networks_hits_only_its_own_connections() -> None:
    door = Door()
    assert door.comes("198.51.100.1")
    for number in range(500):
        assert door.comes(f"192.0.2.{number % 8}")
    assert "198.51.100.1" not in door.closed
    assert len(door.closed) == 501 - MOST


def test_somebody_who_types_a_password_makes_no_room() -> None:
    door = Door()
    assert door.comes("192.0.2.200", named=True)
    for number in range(MOST):
        assert door.comes(f"192.0.2.{number}")
    assert "192.0.2.200" not in door.closed
    full = Door()
    assert all(full.comes(f"192.0.2.{number}", named=True) for number in range(MOST))
    assert full.comes("192.0.2.200") is None
    assert full.closed == []


@pytest.mark.parametrize(
    ("addresses", "count"),
    [
        (("192.0.2.1", "::ffff:192.0.2.1"), MOST_FROM_ONE),
        (("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"), MOST_FROM_ONE),
        (("2001:db8::1", "2001:db8:0:1::1"), 2 * MOST_FROM_ONE),
        (("127.0.0.1",), MOST),
        (("::1",), MOST),
    ],
)
def test_one_network_has_only_so_many_places(addresses: tuple[str, ...], count: int) -> None:
    """A site with IPv6 has 2^64 addresses, and had as many times ten places."""
    door = Door()
    places = [door.comes(addresses[number % len(addresses)], named=True) for number in range(2 * MOST)]
    assert sum(place is not None for place in places) == count


def test_whoever_has_logged_in_or_gone_leaves_a_place() -> None:
    door = Door()
    visitors = [door.comes("192.0.2.1", named=True) for _ in range(MOST_FROM_ONE)]
    assert door.comes("192.0.2.1", named=True) is None
    assert visitors[3] is not None
    door.visitors.leave(visitors[3])
    assert door.comes("192.0.2.1", named=True)
