"""Packs the modules of the lab in a tab as bytecode; `scripts/make-tab.mjs` runs this in Pyodide, for its Python.

/src.tar has our package, /wheels the wheels, /stdlib.zip Pyodide's standard library; /out gets:

    python.tar          all modules and their files, for site-packages
    stdlib.zip          the standard library

Bytecode has the first line of each function alone: numbers of all lines are a third of it. What never runs in a tab is
left out.
"""

from __future__ import annotations

import importlib.util
import io
import lzma  # noqa: F401 - the worker needs it at its start
import marshal
import re
import sys
import tarfile
import types
import zipfile
from pathlib import Path

#: Of our package, beginnings of paths that a tab does not load.
_OURS_LEFT_OUT = (
    "dmvpn/app/campaign",
    "dmvpn/app/front_ends",
    "dmvpn/app/journal",
    "dmvpn/app/run",
    "dmvpn/app/ssh",
    "dmvpn/client/",
    "dmvpn/face/ssh/g",
    "dmvpn/face/ssh/transfer",
    "dmvpn/judge/campaign",
    "dmvpn/labs/proofs/",
    "dmvpn/shells/runtime/r",
    "dmvpn/tools/pool/",
    "dmvpn/web/connections",
    "dmvpn/web/page/",
    "dmvpn/web/serving",
    "dmvpn/web/tab/",
)
_WHEELS_LEFT_OUT = (
    "pydantic/v1/",
    "pydantic/mypy.py",
    "pydantic/deprecated/copy_internals",
    "anyio/_backends/_trio",
    "anyio/pytest_plugin",
    "starlette/testclient",
)
_STANDARD_LEFT_OUT = (
    "_pyrepl/",
    "bdb",
    "cProfile",
    "ctypes/macholib/",
    "curses/",
    "dbm/",
    "doctest",
    "encodings/big5",
    "encodings/cp7",
    "encodings/cp8",
    "encodings/cp9",
    "encodings/euc_",
    "encodings/gb",
    "encodings/iso2022_",
    "encodings/koi8_",
    "encodings/mac_",
    "encodings/shift_",
    "ensurepip/",
    "ftplib",
    "idlelib/",
    "imaplib",
    "lib2to3/",
    "mailbox",
    "modulefinder",
    "optparse",
    "pdb",
    "pickletools",
    "plistlib",
    "poplib",
    "profile.",
    "profiling/",
    "pstats",
    "pydoc",
    "pydoc_data/",
    "smtplib",
    "sqlite3/",
    "symtable",
    "tkinter/",
    "trace.",
    "turtle",
    "unittest/",
    "venv/",
    "wave.",
    "xml/dom/",
    "xmlrpc/",
)
_LEFT_OUT_ANYWHERE = ("__pycache__/", ".dist-info/", ".pyi", "py.typed", "/tests/")
#: A time for all files: the same sources make the same octets.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def _slim(code: types.CodeType) -> types.CodeType:
    """Return code whose instructions are all in its first line: entries of kind 13, each of at most 8 units."""
    parts = tuple(_slim(part) if isinstance(part, types.CodeType) else part for part in code.co_consts)
    eights, rest = divmod(len(code.co_code) // 2, 8)
    lines = bytes((0xEF, 0)) * eights + (bytes((0xE8 | rest - 1, 0)) if rest else b"")
    return code.replace(co_consts=parts, co_linetable=lines)


def _compiled(name: str, source: bytes) -> bytes:
    """Return the content of a .pyc that is never compared with its source."""
    # Docstrings explain log messages and more; those of other packages are read by no one.
    code = compile(source, name, "exec", dont_inherit=True, optimize=0 if name.startswith("dmvpn/") else 2)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(_slim(code))


def _as_packed(name: str, octets: bytes) -> tuple[str, bytes]:
    return (f"{name}c", _compiled(name, octets)) if name.endswith(".py") else (name, octets)


def _is_wanted(name: str, left_out: tuple[str, ...]) -> bool:
    out = name.endswith("/") or name.startswith(left_out) or any(part in name for part in _LEFT_OUT_ANYWHERE)
    return not out


def _modules() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open("/src.tar") as ours:
        for member in ours:
            if member.isfile() and _is_wanted(member.name, _OURS_LEFT_OUT) and (file := ours.extractfile(member)):
                found[member.name] = file.read()
    # The application looks for the files of the page, which the folder has elsewhere.
    found["dmvpn/web/page/vendor/README"] = b""
    found |= _standard(first=False)
    for wheel in sorted(Path("/wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                foreign = name.endswith(".so") and "manylinux" in wheel.name
                if _is_wanted(name, _WHEELS_LEFT_OUT) and not foreign:
                    found[name] = archive.read(name)
    return found


def _pack() -> None:
    with tarfile.open("/out/python.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, octets in sorted(_modules().items()):
            name, octets = _as_packed(name, octets)
            member = tarfile.TarInfo(name)
            member.size = len(octets)
            archive.addfile(member, io.BytesIO(octets))


def _standard(*, first: bool) -> dict[str, bytes]:
    """Return the modules of the standard library that a start needs, or all further modules of it."""
    started = {name.partition(".")[0] for name in sys.modules} | {"encodings"}
    with zipfile.ZipFile("/stdlib.zip") as given:
        names = [name for name in given.namelist() if _is_wanted(name, _STANDARD_LEFT_OUT)]
        wanted = [name for name in names if (re.split(r"[/.]", name)[0] in started) is first]
        return {name: given.read(name) for name in wanted}


def _pack_standard_library() -> None:
    with zipfile.ZipFile("/out/stdlib.zip", "w") as made:
        for name, octets in sorted(_standard(first=True).items()):
            packed, octets = _as_packed(name, octets)
            made.writestr(zipfile.ZipInfo(packed, _EPOCH), octets, zipfile.ZIP_DEFLATED, 9)


_pack()
_pack_standard_library()
