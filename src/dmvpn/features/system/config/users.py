"""Who may log in, what `enable` asks for, and which commands another level may use.

A plain secret is sealed before its line is entered (`ios/language.py`), so trees, recordings and files of
configurations have its hash. `password` is kept as it is typed, as on IOS, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final

from dmvpn.base.credentials import (
    HIDDEN,
    MD5,
    PBKDF2,
    PLAIN,
    SCRYPT,
    SHA256,
    SecretError,
    can_hash,
    check_secret,
    hashed,
)
from dmvpn.base.entropy import Entropy
from dmvpn.base.values import collected
from dmvpn.features.system.model import PrivilegeRule, User
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.values import Misfit, Read, Reading, RestOfLine, Token, ValueType, register_type

#: Type 6 is encrypted with a key that only the router has that wrote it.
ENCRYPTED: Final = 6
#: What `algorithm-type` makes.
_ALGORITHMS: Final = {"md5": MD5, "sha256": PBKDF2, "scrypt": SCRYPT}
#: A number before a password says how that is written; a type that is none of ours must not become a part of it.
_TYPED: Final = re.compile(r"\d+\s")


def _kinds(name: str, kinds: Mapping[int, str]) -> ValueType:
    class Kinds(ValueType):
        """How a password is written."""

        def hints(self, fragment: str) -> list[tuple[str, str]]:
            return [(str(kind), text) for kind, text in kinds.items() if str(kind).startswith(fragment)]

    def parse(text: str) -> tuple[Hashable, str] | None:
        is_kind = text.isascii() and text.isdigit() and len(text) == 1 and int(text) in kinds
        return (int(text), text) if is_kind else None

    return Kinds(name, "<0-9>", parse)


class _Password(RestOfLine):
    """`password`: the rest of the line, which has no type in front of it."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "password"

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        rest = super().read_value(line, tokens, index)
        return Misfit() if isinstance(rest, Reading) and _TYPED.match(rest.text) else rest


register_type(_Password())
register_type(
    _kinds(
        "secret-kind",
        {PLAIN: "Plain text", SHA256: "SHA-256 hash", MD5: "MD5 hash", PBKDF2: "PBKDF2 hash", SCRYPT: "scrypt hash"},
    )
)
register_type(_kinds("password-kind", {PLAIN: "Plain text", HIDDEN: "Hidden"}))
register_type(
    _kinds("user-password-kind", {PLAIN: "Plain text", ENCRYPTED: "Encrypted, by one router", HIDDEN: "Hidden"})
)


def _warning(args: Args) -> str | None:
    return (
        "%Warning: any reader of the configuration can read this password; `secret` keeps a hash of it"
        if "password" in args
        else None
    )


def _check_secret(args: Args, _: Section) -> str | None:
    try:
        check_secret(args.integer("kind", PLAIN), args.text("secret"))
    except SecretError as error:
        return f"% {error}"
    return _warning(args)


def _check_user(args: Args, _: Section) -> str | None:
    """Check the hash of a user. An invalid one permits no login: if the true one was removed from a file, that was
    intended.
    """
    if "secret" not in args.values_given:
        return None
    if args.integer("kind", PLAIN) == ENCRYPTED:
        return "%Warning: only the router that wrote a type 6 password can read it; no user can log in with it here"
    try:
        check_secret(args.integer("kind", PLAIN), args.text("secret"))
    except SecretError as error:
        return f"%Warning: no user can log in with it: {error}"
    return _warning(args)


def _seal(args: Args, entropy: Entropy) -> Callable[[], Args] | None:
    """Return a plain secret as the hash that is kept; the function takes tens of milliseconds, as it should."""
    if "password" in args or "secret" not in args.values_given or args.integer("kind", PLAIN) != PLAIN:
        return None
    kind = next((_ALGORITHMS[word] for word in _ALGORITHMS if word in args), SCRYPT)
    kind = kind if can_hash(kind) else MD5
    plain, octets = args.text("secret"), entropy.octets(16)
    bare = args
    for word in ("algorithm-type", *_ALGORITHMS):
        bare = bare.without(word)
    return lambda: bare.having(kind=kind, secret=hashed(kind, plain, octets))


def _keep(args: Args, section: Section) -> Args:
    """Keep the values of an earlier line for the user, as far as this one does not set them."""
    present = section.find(USERNAME, args)
    if present is None:
        return args
    before = present.args
    if "level" not in args and "level" in before:
        args = args.having(level=before["level"])
    if "secret" not in args.values_given and "nopassword" not in args:
        kept = {name: before[name] for name in ("kind", "secret") if name in before.values_given}
        args = args.having(**kept)
        for word in ("secret", "password", "nopassword"):
            args = args.with_keyword(word) if word in before else args
    return args


def _show_user(args: Args) -> str:
    words = ["username", args.text("name")]
    if "level" in args:
        words += ["privilege", str(args.integer("level"))]
    return " ".join((*words, *_credential(args)))


def _show_enable(args: Args) -> str:
    level = ["level", str(args.integer("level"))] if "level" in args else []
    word, *rest = _credential(args)
    if word == "algorithm-type":  # as it was typed, where nothing sealed it
        return " ".join(("enable", word, *rest[:2], *level, *rest[2:]))
    return " ".join(("enable", word, *level, *rest))


def _credential(args: Args) -> list[str]:
    if "secret" not in args.values_given:
        return ["nopassword"] if "nopassword" in args else []
    kind = [str(args.integer("kind"))] if "kind" in args else []
    algorithm = next((word for word in _ALGORITHMS if word in args), None)
    before = ["algorithm-type", algorithm] if algorithm is not None else []
    return [*before, "password" if "password" in args else "secret", *kind, args.text("secret")]


_ALGORITHM = "algorithm-type ( md5 | scrypt | sha256 ) secret"
_HELP: Mapping[str, str] = {
    "secret": "A password of which a hash is kept",
    "password": "A password that is kept as it is",
    "kind": "How it is written",
    "level": "Privilege level",
    "algorithm-type": "How the hash is made",
    "md5": "MD5 in a thousand rounds: type 5",
    "scrypt": "scrypt: type 9",
    "sha256": "PBKDF2 with SHA-256: type 8",
}
ENABLE_SECRET = ConfigLine(
    "global",
    "enable ( secret [ level {level:1-15} ] [ {kind:secret-kind} ] {secret:password}"
    f" | {_ALGORITHM} [ level {{level:1-15}} ] {{secret:password}} )",
    {**_HELP, "enable": "The privileged level"},
    key=("level",),
    order=40,
    check=_check_secret,
    seal=_seal,
    show=_show_enable,
)
ENABLE_PASSWORD = ConfigLine(
    "global",
    "enable password [ level {level:1-15} ] [ {kind:password-kind} ] {secret:password}",
    {**_HELP, "enable": "The privileged level", "password": "Ask for a password, unless there is an `enable secret`"},
    key=("level",),
    order=41,
    check=_check_secret,
)
USERNAME = ConfigLine(
    "global",
    "username {name:word} [ privilege {level:0-15} ] [ secret [ {kind:secret-kind} ] {secret:password}"
    " | password [ {kind:user-password-kind} ] {secret:password} | nopassword"
    f" | {_ALGORITHM} {{secret:password}} ]",
    {
        **_HELP,
        "username": "A user who may log in",
        "name": "The user's name",
        "privilege": "The level at which the user begins",
        "nopassword": "A user without a password, whom nothing here lets in",
    },
    key=("name",),
    order=65,
    check=_check_user,
    complete=_keep,
    seal=_seal,
    show=_show_user,
    asks=(
        "This operation will remove all username related configurations with same name."
        "Do you want to continue? [confirm]"
    ),
)
PRIVILEGE = ConfigLine(
    "global",
    "privilege exec [ all ] level {level:0-15} {command:line}",
    {
        "privilege": "At which level a command may be used",
        "exec": "A command of the exec prompt",
        "all": "And the commands that begin with it",
        "level": "From this level on",
        "command": "The command",
    },
    key=("command",),
    order=960,
)

CONFIG = collected(ConfigLine, vars())


def users(tree: ConfigTree) -> tuple[User, ...]:
    """Return who may log in."""
    return tuple(
        User(
            args.text("name"),
            privilege=args.integer("level", None),
            kind=args.integer("kind", PLAIN) if "secret" in args.values_given else None,
            secret=args.text("secret") if "secret" in args.values_given else "",
        )
        for args in tree.all(USERNAME)
    )


def enable_secrets(tree: ConfigTree) -> tuple[tuple[int, int, str], ...]:
    """Return of each level with a password the level, the kind and the password; a secret counts before a password."""
    found: dict[int, tuple[int, int, str]] = {}
    for line in (ENABLE_SECRET, ENABLE_PASSWORD):
        for args in tree.all(line):
            level = args.integer("level", 15)
            found.setdefault(level, (level, args.integer("kind", PLAIN), args.text("secret")))
    return tuple(found.values())


def privilege_rules(tree: ConfigTree) -> tuple[PrivilegeRule, ...]:
    """Return what `privilege exec` says."""
    return tuple(
        PrivilegeRule(tuple(args.text("command").lower().split()), args.integer("level"))
        for args in tree.all(PRIVILEGE)
    )
