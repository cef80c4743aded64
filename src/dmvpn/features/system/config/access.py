"""Logins: which terminal lines accept SSH, from where, by which method, and when too many tries block them.

`ip ssh pubkey-chain` has the public keys of users. A key is no secret, and is kept as it was typed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.system.model import BlockFor, Login, LoginLog, SshConfig
from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.values import ValueType, register_type

# ------------------------------------------------------------------------------------------------ terminal lines

_LOGIN_HELP: Mapping[str, str] = {
    "login": "Ask who it is",
    "local": "A user of this configuration (`username`)",
    "authentication": "As a list of `aaa authentication login` says",
    "list": "Name of the list",
}
LOGIN = ConfigLine("line", "login [ local | authentication {list:word} ]", _LOGIN_HELP, order=60, keep_no=True)
_HELP: Final = {
    "transport": "Protocols",
    "input": "Of incoming sessions",
    "protocols": "ssh, all, none; the rest do nothing",
    "access-class": "Addresses",
    "list": "Access list",
    "in": "That may come in",
    "out": "Kept",
    "vrf-also": "Through VRFs, too: refused without this word",
    "vrfname": "Through this VRF",
    "vrf": "Name of the VRF",
    "privilege": "At which level sessions begin",
    "level": "For users without a level of their own",
    "rotary": "Group of lines that share a port",
    "group": "As in `ip ssh port`",
    "scp": "Secure copy",
    "server": "For clients that copy files to and from flash",
    "enable": "They may",
    "login": "How users are authenticated",
    "methods": "`local` alone does something",
}
TRANSPORT = ConfigLine("line", "transport input {protocols:line}", _HELP, order=91)
ACCESS_CLASS = ConfigLine(
    "line",
    "access-class {list:word} ( in [ vrf-also | vrfname {vrf:word} ] | out )",
    _HELP,
    key=("in", "out", "vrf"),
    order=12,
)
ACCESS_CLASS6 = ConfigLine(
    "line",
    "ipv6 access-class {list:word} ( in [ vrf-also ] | out )",
    ACCESS_CLASS.help,
    key=("in", "out"),
    order=13,
)
LEVEL = ConfigLine("line", "privilege level {level:0-15}", _HELP, order=30)
ROTARY = ConfigLine("line", "rotary {group:0-100}", _HELP, order=97)

# ------------------------------------------------------------------------------------------------ SSH

_SSH: Mapping[str, str] = {
    "ssh": "Secure shell",
    "version": "Of the protocol; only 2 is spoken",
    "time-out": "How long a login may take",
    "seconds": "Seconds",
    "authentication-retries": "Wrong passwords before the connection ends",
    "tries": "How many",
    "port": "Listen there, without an option of the command that runs the router",
    "first": "Of the lines",
    "last": "Of the lines",
}
VERSION = ConfigLine("global", "ip ssh version {version:1-2}", _SSH, order=518)
TIME_OUT = ConfigLine("global", "ip ssh time-out {seconds:1-120}", _SSH, order=518)
TRIES = ConfigLine("global", "ip ssh authentication-retries {tries:0-5}", _SSH, order=518)
SCP = ConfigLine("global", "ip scp server enable", _HELP, order=517)
PORT = ConfigLine("global", "ip ssh port {port:2000-10000} rotary {first:1-127} [ {last:1-127} ]", _SSH, order=518)

# ------------------------------------------------------------------------------------------------ logins

_LOGINS: Mapping[str, str] = {
    "login": "Logins",
    "block-for": "Refuse all logins for a while after too many wrong passwords",
    "seconds": "For how long",
    "attempts": "So many wrong ones",
    "within": "In so many seconds",
    "quiet-mode": "While logins are refused",
    "access-class": "Addresses that are let in all the same",
    "list": "Access list",
    "on-success": "Each login",
    "on-failure": "Each login that failed",
    "log": "In the log",
}
BLOCK = ConfigLine(
    "global", "login block-for {seconds:1-65535} attempts {attempts:1-65535} within {within:1-65535}", _LOGINS, order=54
)
QUIET = ConfigLine("global", "login quiet-mode access-class {list:word}", _LOGINS, order=54)
ON_FAILURE = ConfigLine("global", "login on-failure log", _LOGINS, order=55)
ON_SUCCESS = ConfigLine("global", "login on-success log", _LOGINS, order=54)

AAA = ConfigLine("global", "aaa new-model", {"new-model": "Lists name the methods"}, order=42, keep_no=True)
AAA_LOGIN = ConfigLine(
    "global",
    "aaa authentication login {list:word} {methods:line}",
    {**_HELP, "list": "`default`, or a name"},
    key=("list",),
    order=42,
)


def login_of(tree: ConfigTree, section: Section) -> Login:
    """Return the method of login at a line. A method list is `LOCAL` only if it names the users of this
    configuration.
    """
    own = section.args(LOGIN)
    if tree.flag(AAA):
        name = own.text("list", "default")
        methods = next((args.text("methods") for args in tree.all(AAA_LOGIN) if args.text("list") == name), "")
        return Login.LOCAL if {"local", "local-case"} & set(methods.lower().split()) else Login.OTHERS
    if section.negated(LOGIN):
        return Login.NOBODY
    return Login.LOCAL if "local" in own else Login.LINE


def takes_ssh(section: Section) -> bool:
    """Return whether `transport input` lets SSH in. Without that line it does."""
    args = section.get(TRANSPORT)
    return args is None or not {"ssh", "all"}.isdisjoint(args.text("protocols").lower().split())


def incoming6(section: Section) -> tuple[str, bool]:
    """Return the access list for incoming sessions over IPv6, "" for none; and whether it is for VRFs, too."""
    found = next((args for args in section.all(ACCESS_CLASS6) if "in" in args), None)
    return ("", False) if found is None else (found.text("list"), "vrf-also" in found)


def incoming(section: Section) -> tuple[str, bool, tuple[tuple[str, str], ...]]:
    """Return the access list for incoming sessions, "" for none; whether it is for those through VRFs, too; and the
    lists for those through one VRF, by its name.
    """
    lists = [args for args in section.all(ACCESS_CLASS) if "in" in args]
    usual = next((args for args in lists if "vrfname" not in args), None)
    named = tuple((args.text("vrf"), args.text("list")) for args in lists if "vrfname" in args)
    return ("", False, named) if usual is None else (usual.text("list"), "vrf-also" in usual, named)


def number(args: Args | None, name: str) -> int | None:
    """Return a number that may not be configured."""
    return None if args is None else args.integer(name)


def ssh(tree: ConfigTree) -> SshConfig:
    """Return what `ip ssh` and `login` say."""
    time_out, tries, port = (tree.get(line) for line in (TIME_OUT, TRIES, PORT))
    block, usual = tree.get(BLOCK), SshConfig()
    first = port.integer("first") if port else 0
    return SshConfig(
        time_out=time_out.integer("seconds") if time_out else usual.time_out,
        tries=tries.integer("tries") if tries else usual.tries,
        port=number(port, "port"),
        rotaries=range(first, port.integer("last", first) + 1) if port else usual.rotaries,
        block=BlockFor(*(block.integer(name) for name in ("seconds", "attempts", "within"))) if block else None,
        quiet_list=tree.args(QUIET).text("list", ""),
        scp=tree.flag(SCP),
        log=LoginLog(success=tree.flag(ON_SUCCESS), failure=tree.flag(ON_FAILURE)),
    )


# ------------------------------------------------------------------------------------------------ public keys of users


_CHAIN, _USER, _DATA = "ssh-pubkey", "ssh-pubkey-user", "ssh-pubkey-data"
MODES = (
    Mode(_CHAIN, "conf-ssh-pubkey"),
    Mode(_USER, "conf-ssh-pubkey-user", _CHAIN),
    Mode(_DATA, "conf-ssh-pubkey-data", _USER, exit_word="exit"),
)

#: A piece of base 64, or the kind of the key, which files of public keys have in front. No word of the language.
_PIECE: Final = re.compile(r"(?=.*[A-Z0-9+/=])[A-Za-z0-9+/=]{4,}|(ssh|ecdsa|sk)-[a-z0-9@.-]+")
register_type(ValueType("key-data", "LINE", lambda text: (text, text) if _PIECE.fullmatch(text) else None))

_KEYS_HELP: Mapping[str, str] = {
    "pubkey-chain": "Public keys of users",
    "username": "Whose keys follow",
    "name": "The user's name",
    "key-string": "A public key, in base 64, over as many lines as it takes; `exit` ends it",
    "key-hash": "The MD5 hash of a public key",
    "kind": "Kind of the key, such as ssh-rsa",
    "hash": "Hexadecimal digits",
    "comment": "For people",
    "data": "A piece of the key",
}
CHAIN = ConfigLine("global", "ip ssh pubkey-chain", _KEYS_HELP, order=519, opens=_CHAIN)
USER = ConfigLine(_CHAIN, "username {name:word}", _KEYS_HELP, opens=_USER)
STRING = ConfigLine(_USER, "key-string", _KEYS_HELP, order=10, opens=_DATA)
HASH = ConfigLine(_USER, "key-hash {kind:word} {hash:word} [ {comment:line} ]", _KEYS_HELP, key=("hash",), order=20)
DATA = ConfigLine(_DATA, "{data:key-data} [ {comment:line} ]", _KEYS_HELP, key=())

CONFIG = collected(ConfigLine, vars())


def key_hashes(tree: ConfigTree) -> tuple[tuple[str, str], ...]:
    """Return names of users, and the MD5 hash of a key of theirs, in hexadecimal digits."""
    found: list[tuple[str, str]] = []
    for _, chain in tree.sections(CHAIN):
        for args, user in chain.sections(USER):
            found += [(args.text("name"), hashed) for hashed in _hashes(user)]
    return tuple(found)


def _hashes(user: Section) -> Iterator[str]:
    for _, data in user.sections(STRING):
        pieces = [word for args in data.all(DATA) for word in (args.text("data"), args.text("comment", ""))]
        text = "".join(piece for piece in pieces if _PIECE.fullmatch(piece) and "-" not in piece)
        try:
            octets = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if octets:
            yield hashlib.md5(octets, usedforsecurity=False).hexdigest()
    for args in user.all(HASH):
        yield args.text("hash").lower()
