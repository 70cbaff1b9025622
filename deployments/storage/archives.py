"""Tar archives of folders that are made while they are read: a model may be larger than the free memory or disk."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20  # bytes
_BLOCK = tarfile.BLOCKSIZE


def archive(files: Mapping[str, Path]) -> Iterator[bytes]:
    """Yield a tar archive (POSIX 2001) of files and folders, readable for everybody, with no owner of this machine.

    Args:
        files: name in the archive -> path, in the order of the archive. Sockets, pipes and devices are left out.

    Raises:
        OSError: a file cannot be read (any more), or has become shorter than it was when its turn came.
    """
    for name, path in files.items():
        if path.is_dir():
            yield _header(name, mode=0o755, kind=tarfile.DIRTYPE)
        elif path.is_file():
            with path.open("rb") as content:
                size = path.stat().st_size
                yield _header(name, mode=0o644, kind=tarfile.REGTYPE, size=size)
                left = size
                while left:
                    chunk = content.read(min(left, CHUNK))
                    if not chunk:
                        raise OSError(f"{path} has become shorter while it was read.")
                    left -= len(chunk)
                    yield chunk
            yield bytes(-size % _BLOCK)
    yield bytes(2 * _BLOCK)


def stream_of(chunks: Iterable[bytes]) -> BinaryIO:
    """Return a file object that reads the chunks one after the other."""
    return io.BufferedReader(_Chunks(iter(chunks)), CHUNK)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        count = min(len(view), len(self._rest))
        view[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _header(name: str, *, mode: int, kind: bytes, size: int = 0) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.size = mode, kind, size
    return entry.tobuf(tarfile.PAX_FORMAT)
