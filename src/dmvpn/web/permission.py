"""Roles, the named tokens that have them, and the role that each resource needs.

    role        level at the routers    resources
    view        1                       all resources that only read
    operate     7                       also orders to a lab, and commands that begin with one of `ORDERS`
    configure   15                      all

Routers star keys and passwords below level 15. Level 7 sees what level 1 sees, unless a line `privilege exec level 7`
of the router says more.

Named tokens are in a file of the user, which every `dmvpn web` of this user reads again as soon as it has changed:

    {"version": 1, "tokens": [{"name": "anna", "role": "view", "hash": "...", "created": 1.0, "expires": 2.0, "used": 0}
    ]}

A token may have limits, as in an exam: resources that help too much (`AIDS`) are refused to it, and from the end of its
time on it only looks.

It has the SHA-256 of each token, never the token: 32 random octets need no slower hash. Times are seconds since 1970;
`used` is 0 for a token that was never used. The file and its folder must belong to the user and be closed to all other
users (modes 0600 and 0700), and neither may be a symbolic link: else no token in it counts. A change takes the lock of
the folder, and puts a new file in the place of the old one, so two processes lose nothing of each other's.

A resource is a method of a class, with one line in front of it (`@resource`): its path, what the document of all
resources says, and its role. Without a role, a resource that only reads needs view, any other one configure. A resource
of one lab has `{lab}` in its path; any other one is refused to a token for some labs, unless the line says that it
keeps them apart. So a forgotten line opens nothing.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value, project
from dmvpn.ios.filters import Plain
from dmvpn.web.bodies import NO_LAB, Problem

__all__ = ["Limits", "NamedToken", "Role", "TokenFile", "hash_of", "new_secret"]

FILE: Final = "tokens.json"
#: Tokens in a file, and octets of it.
_MOST: Final = 1000
_LARGEST: Final = 1 << 20
_OCTETS: Final = 32
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
#: A lab, or all labs whose names begin in one way.
_LABS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}\*?", re.ASCII)
_VERSION: Final = 1
#: The name of a user that came in by the printed code.
NAMELESS: Final = "web"
#: What finds a token that somebody published by mistake.
_MARK: Final = "dmvpn_"
#: What every token and code looks like.
SECRET: Final = re.compile(rb"dmvpn_[A-Za-z0-9_-]{43}")
_DAY: Final = 86_400.0
#: Mode of a file for its owner alone, and what others may not have.
_PRIVATE: Final = 0o600
_OF_OTHERS: Final = 0o077

T = TypeVar("T")

_PLACE: Final = re.compile(r"\{[^}]*\}")
_ROLE: Final = "role"
_RESOURCE: Final = "resource"


# ------------------------------------------------------------------------------------------------ roles


class Role(enum.Enum):
    """What the holder of a token may do; its value is the word for it."""

    VIEW = "view"
    OPERATE = "operate"
    CONFIGURE = "configure"

    @property
    def privilege(self) -> int:
        """The privilege level at the routers. Below 15 they hide keys and passwords."""
        return LEVELS[self]

    def includes(self, other: Role) -> bool:
        """Return whether this role may do all that another one may."""
        return LEVELS[self] >= LEVELS[other]


LEVELS: Final = {Role.VIEW: 1, Role.OPERATE: 7, Role.CONFIGURE: 15}
#: Methods that change nothing.
READING: Final = ("GET", "HEAD")
#: What a teacher may switch off, as in an exam.
AIDS: Final = ("doctor", "walk", "lint", "hint", "grade", "reset", "up")
#: First words of the commands of the exec prompt that `operate` may use, though some of them are of level 15.
ORDERS: Final = ("clear", "debug", "ping", "traceroute", "undebug")


# ------------------------------------------------------------------------------------------------ named tokens


class Limits(Value, kw_only=True):
    """What a token may not do, though its role may. Older files have none.

    most_labs: that run at a time, 0: as many as the server has for a user. memory: MiB of data of each process of a lab
    or job that its user begins, 0: no bound. without: some of `AIDS`. closes: seconds since 1970, from then on the role
    is view; 0: never.
    """

    most_labs: int = 0
    memory: int = 0
    without: tuple[str, ...] = ()
    closes: float = 0.0


class NamedToken(Limits, Value, kw_only=True):
    """One token.

    hash: hexadecimal. created, expires, used: seconds since 1970, used 0: never. labs: a name, or the beginning of
    names and a star; "": all labs.
    """

    name: str
    role: Role
    hash: str
    created: float
    expires: float
    used: float = 0.0
    labs: str = ""


_NO_LIMITS: Final = Limits()


def new_secret() -> str:
    """Return 32 random octets as text."""
    return _MARK + secrets.token_urlsafe(_OCTETS)


def hash_of(secret: str) -> bytes:
    """Return the hash of a token or code."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class TokenFile:
    """The file in a folder, which need not exist."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._tokens: tuple[NamedToken, ...] = ()

    # ------------------------------------------------------------------------------------------------ reading

    def tokens(self) -> tuple[NamedToken, ...]:
        """Return all tokens, expired ones too. The file is read if it has changed. Raises UserError."""
        seen: tuple[int, ...]
        try:
            found = os.lstat(self.folder / FILE)
            seen = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
        except FileNotFoundError:
            seen = ()
        except OSError as error:
            self._seen, self._tokens = None, ()
            raise UserError(f"{self.folder / FILE}: {error.strerror}") from error
        if seen != self._seen:
            self._seen, self._tokens = None, ()
            self._tokens = self._read() if seen else ()
            self._seen = seen
        return self._tokens

    def _read(self) -> tuple[NamedToken, ...]:
        if not os.path.lexists(self.folder):
            return ()
        with self._opened() as folder:
            return self._read_in(folder)

    def _read_in(self, folder: int) -> tuple[NamedToken, ...]:
        path = self.folder / FILE
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            with open(os.open(FILE, flags, dir_fd=folder), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OF_OTHERS:
                    raise UserError(f"{path}: others may read or write it: chmod 600, or remove it and make new tokens")
                octets = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise UserError(f"{path}: {'a symbolic link' if path.is_symlink() else error.strerror}") from error
        try:
            plain = json.loads(octets)
            if len(octets) > _LARGEST or plain["version"] != _VERSION or len(plain["tokens"]) > _MOST:
                raise ValueError
            return tuple(_decoded_token(one) for one in plain["tokens"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path}: no tokens of this version of dmvpn: remove it, and make new ones") from error

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the folder. Raises UserError where other users may change its contents."""
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise UserError(f"{self.folder}: {error.strerror}") from error
        try:
            found = os.fstat(folder)
            if found.st_uid != os.geteuid() or found.st_mode & _OF_OTHERS:
                raise UserError(f"{self.folder}: it must belong to this user alone: chmod 700, or remove it")
            yield folder
        finally:
            os.close(folder)

    # ------------------------------------------------------------------------------------------------ changes

    def make_folder(self) -> None:
        """Make the folder, for this user alone. Raises UserError."""
        try:
            for folder in (self.folder.parent, self.folder):  # `parents` makes those above for everybody
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: {error.strerror}") from error

    def create(
        self, name: str, role: Role, days: int, labs: str = "", limits: Limits = _NO_LIMITS
    ) -> tuple[str, NamedToken]:
        """Return a new token, which is stored nowhere, and its entry. Raises UserError."""
        if labs and not _LABS.fullmatch(labs):
            raise UserError(f"{labs!r} names no labs: the name of a lab, or how names begin and a star, as in anna-*")
        if name == NAMELESS:
            raise UserError(f"{NAMELESS} is the name of the printed code: another name, as the audit has both")
        if not _NAME.fullmatch(name):
            raise UserError(f"{name!r} is no name: a letter, then at most 31 letters, digits, '_', '.' and '-'")
        with self._changing() as tokens:
            if any(one.name == name for one in tokens):
                raise UserError(f"there is a token {name}: dmvpn web token revoke {name}")
            if len(tokens) >= _MOST:
                raise UserError(f"there are {_MOST} tokens: revoke some")
            secret, now = new_secret(), self._clock()
            end = now + days * _DAY
            digest, when = hash_of(secret).hex(), {"created": now, "expires": end, "used": 0.0}
            made = project(NamedToken, limits, name=name, role=role, hash=digest, labs=labs, **when)
            tokens.append(made)
        return secret, made

    def bound(self, name: str, limits: Limits) -> None:
        """Change the limits of a token. Raises UserError."""
        with self._changing() as tokens:
            tokens[:] = [replace(one, **asdict(limits)) if one.name == name else one for one in tokens]

    def revoke(self, name: str) -> NamedToken:
        """Remove a token: no server takes it from now on. Raises UserError."""
        with self._changing() as tokens:
            found = self._named(tokens, name)
            tokens.remove(found)
        return found

    def note_uses(self, uses: Mapping[str, float]) -> None:
        """Store when tokens were used, by their hash. A token that is gone stays gone. Raises UserError."""
        with self._changing() as tokens:
            for index, one in enumerate(tokens):
                if uses.get(one.hash, 0.0) > one.used:
                    tokens[index] = replace(one, used=uses[one.hash])

    def renew(self, name: str, days: int) -> tuple[str, NamedToken]:
        """Put a new token in the place of the old one, which no server takes from now on. Raises UserError."""
        with self._changing() as tokens:
            found = self._named(tokens, name)
            secret, now = new_secret(), self._clock()
            made = replace(found, hash=hash_of(secret).hex(), created=now, expires=now + days * _DAY, used=0.0)
            tokens[tokens.index(found)] = made
        return secret, made

    @staticmethod
    def _named(tokens: Sequence[NamedToken], name: str) -> NamedToken:
        """Return the token of this name. Raises UserError."""
        found = next((one for one in tokens if one.name == name), None)
        if found is None:
            raise UserError(f"there is no token {name}: dmvpn web token list")
        return found

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[NamedToken]]:
        """Give the tokens as a list, and store it if it has changed. Raises UserError."""
        self.make_folder()
        with self._opened() as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)
            before = self._read_in(folder)
            tokens = [*before]
            yield tokens
            if tuple(tokens) != before:
                self._write(folder, tokens)

    def _write(self, folder: int, tokens: list[NamedToken]) -> None:
        plain = {"version": _VERSION, "tokens": [{**asdict(one), "role": one.role.value} for one in tokens]}
        fresh = f".{FILE}.new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(fresh, flags, _PRIVATE, dir_fd=folder), "wb") as file:
                file.write(json.dumps(plain, indent=1).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.rename(fresh, FILE, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        except OSError as error:
            raise UserError(f"{self.folder / FILE}: {error.strerror}") from error


def _decoded_token(plain: dict[str, object]) -> NamedToken:
    """Read one token of the file. Raises ValueError, KeyError, TypeError."""
    name, digest, labs = plain["name"], plain["hash"], plain.get("labs", "")
    if not isinstance(name, str) or not isinstance(digest, str) or not _NAME.fullmatch(name):
        raise ValueError
    if not isinstance(labs, str) or (labs and not _LABS.fullmatch(labs)) or len(bytes.fromhex(digest)) != _OCTETS:
        raise ValueError
    most_labs, memory = plain.get("most_labs", 0), plain.get("memory", 0)
    if not isinstance(most_labs, int) or not isinstance(memory, int) or most_labs < 0 or memory < 0:
        raise ValueError
    without = plain.get("without", [])
    if not isinstance(without, list) or not all(isinstance(aid, str) for aid in without):
        raise ValueError
    created, expires, used = (float(str(plain[word])) for word in ("created", "expires", "used"))
    return NamedToken(
        name=name,
        role=Role(plain["role"]),
        hash=digest.lower(),
        created=created,
        expires=expires,
        used=used,
        labs=labs,
        most_labs=most_labs,
        memory=memory,
        without=tuple(without),
        closes=float(str(plain.get("closes", 0.0))),
    )


class Caller(Limits, Value, kw_only=True):
    """Who asks. name: of the token; place: the address; key: the hash of the token or session; labs: as of a token.

    role: view from the end of its time on; is_over: that this has come.
    """

    name: str
    role: Role
    place: str = ""
    key: bytes = b""
    labs: str = ""
    is_over: bool = False

    def at(self, now: float) -> Caller:
        """Return the caller as it is at a time, seconds since 1970."""
        return replace(self, role=Role.VIEW, is_over=True) if 0 < self.closes <= now else self

    def may_see(self, lab: str) -> bool:
        """Return whether a lab of this name is one of the caller's."""
        if self.labs.endswith("*"):
            return lab.startswith(self.labs[:-1])
        return self.labs in ("", lab)


# ------------------------------------------------------------------------------------------------ resources


class Resource(Value):
    """What a request of one method to one path is.

    described: for the document of all resources (OpenAPI); None: it is a page, or the document has it otherwise.
    role: that it needs; None: view if it only reads, otherwise configure.
    apart: it answers about the labs of the caller alone, or about no lab. aid: one of `AIDS`, which a token may lack.
    """

    method: str
    path: str
    described: Plain = None
    role: Role | None = None
    apart: bool = False
    aid: str = ""


def resource(
    method: str, path: str, described: Plain = None, *, role: Role | None = None, apart: bool = False, aid: str = ""
) -> Callable[[T], T]:
    """Return a decorator for the method of a class that answers such requests (`Resource`)."""

    def mark(endpoint: T) -> T:
        setattr(endpoint, _RESOURCE, Resource(method, path, described, role, apart, aid))
        return endpoint

    return mark


def routes_of(*holders: object) -> list[Route]:
    """Return the routes to all resources that are methods of these objects."""
    return [
        Route(found.path, getattr(holder, name), methods=[found.method])
        for holder in holders
        for name, method in vars(type(holder)).items()
        if (found := resource_of(method)) is not None
    ]


def resource_of(endpoint: object) -> Resource | None:
    """Return the resource that a function answers for, None if it is none."""
    return getattr(endpoint, _RESOURCE, None)


def needed(route: Route, method: str) -> Role:
    """Return the role that a resource needs."""
    found = resource_of(route.endpoint)
    return (found and found.role) or (Role.VIEW if method in READING else Role.CONFIGURE)


def needed_by_path(routes: Iterable[BaseRoute], template: str, method: str) -> Role | None:
    """Return the role for a path of the description, such as `/api/v1/labs/{lab}`; None: there is no such resource."""
    path = _PLACE.sub("x", template)
    for route in routes:
        if isinstance(route, Route) and method in (route.methods or ()) and route.path_regex.match(path):
            return needed(route, method)
    return None


def hold_roles(routes: Iterable[Route]) -> None:
    """Let each resource refuse callers without the role that it needs. `scope["role"]` has that of the caller."""
    for route in routes:
        route.app = _Barrier(route)


class _Barrier:
    """In front of one resource."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._app: ASGIApp = route.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        role, wanted = scope.get(_ROLE), needed(self._route, scope["method"])
        problem = self._of_other_labs(scope) or self._of_limits(scope)
        if problem is None and role is not None and not role.includes(wanted):
            detail = f"this needs the role {wanted.value}; the token is for {role.value}"
            problem = Problem(HTTPStatus.FORBIDDEN, detail)
        await (problem.response() if problem else self._app)(scope, receive, send)

    def _of_limits(self, scope: Scope) -> Problem | None:
        """Return the refusal of a caller whose token may not do this, though its role may."""
        caller: Caller | None = scope.get("caller")
        found = resource_of(self._route.endpoint)
        if caller is None or found is None:
            return None
        if caller.is_over and needed(self._route, scope["method"]) is not Role.VIEW:
            ended = f"{datetime.fromtimestamp(caller.closes, UTC):%Y-%m-%d %H:%M} UTC"
            return Problem(HTTPStatus.FORBIDDEN, f"the time ended at {ended}: you may look, and change nothing")
        if found.aid in caller.without:
            return Problem(HTTPStatus.FORBIDDEN, f"your teacher has switched this off for you: {found.aid}")
        return None

    def _of_other_labs(self, scope: Scope) -> Problem | None:
        """Return the refusal of a caller whose token is for other labs than the request."""
        caller: Caller | None = scope.get("caller")
        if caller is None or not caller.labs:
            return None
        lab = scope["path_params"].get("lab")
        if lab is None:
            found = resource_of(self._route.endpoint)
            if found and found.apart:
                return None
            return Problem(HTTPStatus.FORBIDDEN, f"the token is for {caller.labs} alone")
        return None if caller.may_see(lab) else Problem(HTTPStatus.NOT_FOUND, NO_LAB)
