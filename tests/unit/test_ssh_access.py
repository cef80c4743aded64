"""What a router tells those who let people in over the network: who may come, from where, and when nobody may."""

from __future__ import annotations

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Tick
from dmvpn.face.access import access, free_line
from dmvpn.face.ssh.visitors import MOST, MOST_FROM_ONE, Visitor, Visitors
from dmvpn.features.system import LoginFailed, LoginSucceeded, SystemMachine
from dmvpn.router.router import Router

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
