"""Files that hold no text, known by their first octets: archives, compressed files, documents and pictures.

kind_of(octets)    "a gzip file: unpack it first (gunzip)"; "" for what may be text
"""

from __future__ import annotations

from typing import Final

#: How files of a kind begin, what they are, and what to do with them.
_BEGINNINGS: Final = (
    (b"\x1f\x8b", "a gzip file: unpack it first (`gunzip`, or `tar xzf` for a .tar.gz)"),
    (b"PK\x03\x04", "a zip archive, or a document of an office program: unpack it first (`unzip`), or save it as text"),
    (b"PK\x05\x06", "a zip archive with nothing in it"),
    (b"BZh91AY&SY", "a bzip2 file: unpack it first (`bunzip2`)"),
    (b"\xfd7zXZ\0", "an xz file: unpack it first (`unxz`)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first (`unzstd`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first (`7z x`)"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first (`unrar x`)"),
    (b"%PDF-", "a PDF document: save it as text first (`pdftotext -layout`)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an office program: save it as text first"),
    (b"\x89PNG\r\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\xd4\xc3\xb2\xa1", "a capture of packets (pcap)"),
    (b"\xa1\xb2\xc3\xd4", "a capture of packets (pcap)"),
    (b"SQLite format 3\0", "a database (SQLite)"),
    (b"\x7fELF", "a program"),
)
#: A tar archive says so behind the name and the numbers of its first file.
_TAR: Final = (257, b"ustar", "a tar archive: unpack it first (`tar xf`)")


def kind_of(octets: bytes) -> str:
    """Return what a file is that holds no text, and what to do with it; "" for what may be text."""
    found = next((said for beginning, said in _BEGINNINGS if octets.startswith(beginning)), "")
    offset, mark, said = _TAR
    return found or (said if octets.startswith(mark, offset) else "")
