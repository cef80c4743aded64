"""The typed configuration of this feature, as its machine and the sessions read it."""

from __future__ import annotations

import enum
from dataclasses import field

from dmvpn.base.values import Value
from dmvpn.features.system.clock import TimeZone
from dmvpn.features.system.probes import NamesConfig
from dmvpn.features.system.syslog import LoggingConfig


class Login(enum.Enum):
    """The authority for logins at a line.

    Only its password; the users of the configuration; servers that are never asked here; none.
    """

    LINE = enum.auto()
    LOCAL = enum.auto()
    OTHERS = enum.auto()
    NOBODY = enum.auto()


class LoginLog(Value):
    """`login on-success log`, `login on-failure log`."""

    success: bool = False
    failure: bool = False


class BlockFor(Value):
    """`login block-for`: no logins for `seconds` after `attempts` wrong passwords within as many seconds."""

    seconds: int
    attempts: int
    within: int


class SshConfig(Value, kw_only=True):
    """`ip ssh`, and the protection of logins.

    time_out: seconds that a login may take.
    tries: wrong passwords before a connection ends.
    port: to listen on, for lines whose `rotary` is one of `rotaries`.
    block: None: logins are never blocked.
    quiet_list: the access list of addresses that may log in while it is closed, "" for none.
    scp: files may be copied to flash, and from there.
    """

    time_out: int = 30
    tries: int = 3
    port: int | None = None
    rotaries: range = range(0)
    block: BlockFor | None = None
    quiet_list: str = ""
    log: LoginLog = LoginLog()
    scp: bool = False


class LineConfig(Value, kw_only=True):
    """`line con 0`, `line vty 0 4`.

    kind: "con", "aux", "vty".
    length, width: of the screen; 0: no paging, no wrapping.
    timeout: seconds of silence until logout, 0: never. Unlike IOS's, our console is a shell on the machine that runs
        the router, and is not left behind in a rack: it waits forever unless `exec-timeout` says otherwise.
    login: the authority for logins.
    ssh: SSH may come in.
    access_list: of the addresses that may, "" for all. access_list6: of those of IPv6, "" for as `access_list` says, in
        which there are none.
    vrf_also, vrf_also6: the list is for sessions through VRFs, too.
    vrf_lists: names of VRFs, and lists for sessions through them.
    level: at which sessions begin, None: that of the user.
    rotary: group of lines, None: of none.
    """

    kind: str
    first: int = 0
    last: int = 0
    timeout: int = 0
    length: int = 24
    width: int = 80
    synchronous: bool = False
    history: int = 10
    login: Login = Login.LINE
    ssh: bool = True
    access_list: str = ""
    vrf_also: bool = False
    vrf_lists: tuple[tuple[str, str], ...] = ()
    access_list6: str = ""
    vrf_also6: bool = False
    level: int | None = None
    rotary: int | None = None

    def list_for(self, vrf: str, version: int = 4) -> str | None:
        """Return the access list for sessions of a version of IP through a VRF ("": the global table), "" for all
        addresses; None: no session may come in. As on IOS, an access class is for sessions through VRFs only if it says
        so.
        """
        if version == 6 and self.access_list6:
            return self.access_list6 if not vrf or self.vrf_also6 else None
        named = dict(self.vrf_lists).get(vrf) if vrf else None
        if named is not None:
            return named
        if not vrf or self.vrf_also:
            return self.access_list
        return None if self.access_list or self.vrf_lists else ""


class User(Value):
    """`username bob privilege 15 secret 9 $9$...`.

    privilege: the level at which a session begins, None: as the line says.
    kind, secret: how the password is written, and the password; None: the user has none.
    """

    name: str
    privilege: int | None = None
    kind: int | None = None
    secret: str = field(default="", repr=False)


class PrivilegeRule(Value):
    """`privilege exec level 5 show running-config`: the commands that begin so need this level."""

    words: tuple[str, ...]
    level: int


class SystemConfig(Value, kw_only=True):
    """Everything here that a configuration can say.

    secrets: of `enable`: of each level the level, how the password is written, and the password.
    ssh: how SSH behaves.
    users: who may log in.
    keys: names of users, and the MD5 hash of a public key of theirs, in hexadecimal digits.
    rules: which commands another level than their own may use.
    file_prompts_quiet: `file prompt quiet`: commands on files ask nothing.
    """

    logging: LoggingConfig = field(default_factory=LoggingConfig)
    zone: TimeZone = field(default_factory=TimeZone)
    names: NamesConfig = field(default_factory=NamesConfig)
    lines: tuple[LineConfig, ...] = ()
    ssh: SshConfig = SshConfig()
    secrets: tuple[tuple[int, int, str], ...] = field(default=(), repr=False)
    users: tuple[User, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    rules: tuple[PrivilegeRule, ...] = ()
    file_prompts_quiet: bool = False

    @property
    def ssh_port(self) -> int | None:
        """Where the configuration says that SSH listens: a line that takes it must belong to the port's group."""
        member = any(line.kind == "vty" and line.ssh and line.rotary in self.ssh.rotaries for line in self.lines)
        return self.ssh.port if member else None

    def secret(self, level: int) -> tuple[int, str] | None:
        """Return what `enable` asks for on the way to this level: how it is written, and the password."""
        return next(((kind, secret) for own, kind, secret in self.secrets if own == level), None)

    def user(self, name: str) -> User | None:
        """Return the user of this name."""
        return next((user for user in self.users if user.name == name), None)

    def line(self, kind: str, number: int = 0) -> LineConfig:
        """Return how the line of this kind and number is set up."""
        fitting = (line for line in self.lines if line.kind == kind and line.first <= number <= line.last)
        return next(fitting, LineConfig(kind=kind, first=number, last=number, timeout=default_timeout(kind)))


def default_timeout(kind: str) -> int:
    """Return the `exec-timeout` where none is configured, seconds."""
    return 600 if kind == "vty" else 0
