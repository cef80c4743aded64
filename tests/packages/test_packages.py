"""What `make dist` and `make deb` built, in a bare Debian that mmdebstrap makes: installed, tried, removed.

The root has nothing but what a minimal Debian has, and Python: no libraries, no systemd, no compiler. It is of the
release that this machine has, from wherever this machine gets its packages. `make test-packages` builds and tests.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.services import PROTECTED, WAN, WITH_WAN

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).parents[2]
_DIST: Final = _ROOT / "dist"
#: There is none where cargo was missing.
_ENGINE: Final = "rust" if list(_DIST.glob("dmvpn_engine-*.whl")) else "python"
#: Seconds for a download of a hundred packages.
_PATIENCE: Final = 900
#: What Debian releases have.
_PYTHONS: Final = {"bookworm": "3.11", "trixie": "3.13"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2 * _PATIENCE),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make and enter a bare root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="no mmdebstrap: scripts/debian-packages packages"),
    pytest.mark.skipif(not list(_DIST.glob("*.deb")), reason="there are no packages in dist/ ('make deb')"),
]


def _release() -> str:
    found = re.search(r"(?m)^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text())
    return found[1] if found else ""


@pytest.fixture(scope="module")
def minor() -> str:
    """The minor version of Python that the bare root has."""
    if _release() not in _PYTHONS:
        pytest.skip(f"no bare root is known for the release {_release() or 'of this machine'}")
    minor = _PYTHONS[_release()]
    if not list(_DIST.glob(f"*+py{minor}_*.deb")):
        pytest.skip(f"dist/ has no package for Python {minor}, which {_release()} has")
    return minor


@pytest.fixture(scope="module")
def bare(minor: str) -> Iterator[Path]:
    """The bare root."""
    root = Path(tempfile.mkdtemp(prefix="dmvpn-bare-"))
    packages = f"python{minor},python3-venv"
    words = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={packages}",
        "--mode=root",
        _release(),
        str(root),
    ]
    try:
        made = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        if made.returncode:
            pytest.skip(f"mmdebstrap: {made.stderr.strip().splitlines()[-1:]}")
        yield root
    finally:
        shutil.rmtree(root)


#: Mounts of a root. The folder that it is in must be a mount before.
_PROC: Final = "; mount -t proc proc {root}/proc"
_DEV: Final = "; mount --rbind /dev {root}/dev"


def _inside(root: Path, script: str, mounts: str = _PROC + _DEV) -> str:
    """What a shell prints in the root, in a network and mounts of its own that has a port, with /proc and /dev."""
    mounts = f"mount --bind {root} {root}{mounts.format(root=root)}"
    words = ["unshare", "-nmpf", "sh", "-ec", f'{WITH_WAN}; {mounts}; exec chroot {root} sh -ec "$1"', "sh", script]
    found = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@contextlib.contextmanager
def _files(root: Path, *files: Path) -> Iterator[None]:
    """Files in /handed of the root."""
    (root / "handed").mkdir()
    for file in files:
        shutil.copy(file, root / "handed")
    (root / "handed/branch.cfg").write_text(PROTECTED)
    try:
        yield
    finally:
        shutil.rmtree(root / "handed")


#: Prints which labs the web serves, as soon as it does.
_ASKS: Final = """
import json, sys, time, urllib.error, urllib.request
asked = urllib.request.Request("http://127.0.0.1:8080/api/v1/labs", headers={"Authorization": "Bearer " + sys.argv[1]})
for _ in range(300):
    try:
        print("served:", urllib.request.urlopen(asked).read().decode())
        break
    except urllib.error.URLError:
        time.sleep(0.1)
"""


def _tried(program: str) -> str:
    """What proves that all parts are there: language, simulator, cryptography, engine with a kernel, web and SSH."""
    mapped = f"--map GigabitEthernet0/1={WAN} --engine {_ENGINE} /handed/branch.cfg"
    return "; ".join(
        (
            f"{program} --version",
            f"{program} config check /handed/branch.cfg",
            f"{program} simulate phase3 --spokes 2 --variant protected",
            f"{program} run --plan {mapped}",
            f"timeout -s INT 5 {program} run {mapped} || test $? = 124",
            f"{program} lab up intro-phase3 --simulated",
            f"{program} web & python3 -c '{_ASKS}' $({program} web token create --name asks)",
            f"timeout -s INT 5 {program} lab ssh || test $? = 124",
            f"kill $!; {program} lab down",
        )
    )


def _is_tried(said: str) -> None:
    assert "/handed/branch.cfg: good" in said
    assert "1 of 1 spoke pairs went direct" in said
    assert "  raw ESP at 192.0.2.2\n" in said
    assert "BRANCH runs; its prompt" in said
    assert re.search(r"^served: .*intro-phase3", said, re.MULTILINE)
    assert re.search(r"^SPOKE10 +ssh -p ", said, re.MULTILINE)


def test_the_debian_package_brings_all_it_needs_starts_nothing_and_goes_again(bare: Path, minor: str) -> None:
    (package,) = _DIST.glob(f"*+py{minor}_*.deb")
    with _files(bare, package):
        said = _inside(bare, f"dpkg -i /handed/{package.name}")
        assert "Setting up dmvpn" in said
        assert (bare / "usr/share/man/man1/dmvpn.1.gz").is_file()
        unit = (bare / "usr/lib/systemd/system/dmvpn@.service").read_text()
        assert "ExecStart=/usr/bin/dmvpn run " in unit
        said = _inside(bare, "ls -ld /etc/dmvpn; getent passwd dmvpn; ls /etc/systemd/system/*.wants 2>&1 || true")
        assert re.search(r"^drwx------ \d+ dmvpn dmvpn .* /etc/dmvpn$", said, re.MULTILINE)
        assert ":/var/lib/dmvpn:/usr/sbin/nologin\n" in said
        assert "dmvpn@" not in said
        _is_tried(_inside(bare, _tried("dmvpn")))
        assert "as in a chroot: the kernel has its driver" in _inside(bare, "dmvpn lab check || true", _PROC)
        as_user = "useradd -o -u 2000 tries || true; HOME=/ setpriv --reuid=2000 --clear-groups dmvpn lab check || true"
        assert "this is a chroot" in _inside(bare, as_user)
        assert "reading /proc" in _inside(bare, as_user, "")
        _inside(bare, f"dpkg -i /handed/{package.name}; dpkg --purge dmvpn")
    left = [name for name in ("usr/lib/dmvpn", "usr/bin/dmvpn", "etc/dmvpn", "var/lib/dmvpn") if (bare / name).exists()]
    assert left == []


def test_nothing_that_is_shipped_is_under_the_gpl_alone(minor: str) -> None:
    (package,) = _DIST.glob(f"*+py{minor}_*.deb")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=_PATIENCE)
        licenses = Path(folder, "usr/share/doc/dmvpn/third-party/index.txt").read_text().splitlines()
    assert any(line.startswith("cryptography ") for line in licenses)
    assert not [line for line in licenses if "GPL" in line and " OR " not in line]


def test_the_wheels_install_into_an_environment(bare: Path, minor: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        words = ["download", "--quiet", "--require-hashes", "--only-binary=:all:", "--python-version", minor]
        needs = ["-d", folder, "-r", str(_ROOT / "requirements/runtime.txt")]
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", *words, *needs],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if fetched.returncode:
            pytest.skip(f"pip could not download what the wheels need: {fetched.stderr}")
        with _files(bare, *Path(folder).iterdir(), *_DIST.glob("*.whl")):
            wheels = "dmvpn dmvpn-engine" if _ENGINE == "rust" else "dmvpn"
            install = f"/env/bin/pip install --quiet --no-index --find-links /handed {wheels}"
            _inside(bare, f"python3 -m venv /env; {install}")
            _is_tried(_inside(bare, _tried("/env/bin/dmvpn")))
