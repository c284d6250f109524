"""Records of API keys in a JSON file, which is read again when it changes.

A server looks at the file's time and size at most once a second. What it cannot read (the file is gone, or no longer
what it should be) it tells in the log, and goes on with what it read last: a slip in an editor shuts nobody out.
Whoever changes the file writes another one and lets it take the place of the first, so nobody ever reads half of it;
and holds a lock on the folder meanwhile, so that of two changes at once none is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from graph.apikey import ApiKeyRecord
from graph.keystore import KeyStoreFailed

log = logging.getLogger("weft")

_MAX_BYTES = 2_000_000  # some 7,000 keys, and 40 ms to read them, in which the server does nothing else
_LOOK_S = 1.0
_LOCK_S = 10.0
_AGAIN_S = 0.02

_Seen = tuple[int, int, int]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    keys: list[ApiKeyRecord]


_decode = msgspec.json.Decoder(_File).decode


class KeyFile:
    """The records in one file.

    Args:
        clock: seconds, only ever forward.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(path)
        self._clock = clock
        self._records: Mapping[str, ApiKeyRecord] | None = None
        self._seen: _Seen | None = None
        self._look_at = float("-inf")
        self._fault = ""

    def __repr__(self) -> str:
        return f"KeyFile({str(self._path)!r})"

    def missing(self) -> list[str]:
        """Read the file; give what is wrong with it."""
        try:
            self._read()
        except KeyStoreFailed as exc:
            return [str(exc)]
        return []

    async def find(self, id: str) -> ApiKeyRecord | None:
        """Give a record as the file had it within the last second; None where there is none.

        Raises:
            KeyStoreFailed: the file could never be read.
        """
        if (now := self._clock()) >= self._look_at:
            self._look_at = now + _LOOK_S
            self._look()
        if self._records is None:
            raise KeyStoreFailed(self._fault)
        return self._records.get(id)

    async def all(self) -> list[ApiKeyRecord]:
        """Give all records, the oldest first.

        Raises:
            KeyStoreFailed: they cannot be read.
        """
        return sorted(self._read().values(), key=lambda record: record.created)

    async def add(self, record: ApiKeyRecord) -> None:
        """Keep a new record; makes the file where there is none.

        Raises:
            KeyStoreFailed: it cannot be kept, or there is one of this id.
        """
        with self._changing():
            records = self._read() if self._is_there() else {}
            if record.id in records:
                raise KeyStoreFailed(f"{self._path}: there is a key {record.id} already")
            self._write({**records, record.id: record})

    async def revoke(self, id: str, at: datetime) -> ApiKeyRecord | None:
        """Mark a record as revoked, unless it is already; give it as it was before, None where there is none.

        Raises:
            KeyStoreFailed: the record cannot be changed.
        """
        with self._changing():
            records = self._read()
            record = records.get(id)
            if record is not None and record.revoked is None:
                self._write({**records, id: msgspec.structs.replace(record, revoked=at)})
            return record

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _look(self) -> None:
        try:
            seen = self._seen_now()
            if seen == self._seen:
                return
            self._seen = seen  # also where it cannot be read: it is tried again when it has changed
            self._read()
            fault = ""
        except KeyStoreFailed as exc:
            fault = str(exc)
        if fault and fault != self._fault:
            log.error("%s%s", fault, "" if self._records is None else "; the keys read before stay good")
        self._fault = fault

    def _is_there(self) -> bool:
        return os.path.exists(self._path)

    def _seen_now(self) -> _Seen:
        try:
            found = self._path.stat()
        except (OSError, ValueError) as exc:
            raise self._failed(exc) from exc
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
            raise KeyStoreFailed(f"{self._path}: is no file")
        return found.st_ctime_ns, found.st_size, found.st_ino

    def _read(self) -> Mapping[str, ApiKeyRecord]:
        """Read the file, and keep what it says."""
        seen = self._seen_now()  # before it is read: what changes meanwhile is seen the next time
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES + 1)
        except OSError as exc:
            raise self._failed(exc) from exc
        self._records, self._seen = self._understood(text), seen
        return self._records

    def _understood(self, text: bytes) -> Mapping[str, ApiKeyRecord]:
        if len(text) > _MAX_BYTES:
            raise KeyStoreFailed(f"{self._path}: is longer than {_MAX_BYTES} bytes; Redis holds more keys")
        try:
            found = _decode(text)
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            told = f": {exc}" if isinstance(exc, msgspec.ValidationError) else ""
            raise KeyStoreFailed(f"{self._path}: is no file of API keys{told}") from exc
        if found.version != 1:
            raise KeyStoreFailed(f"{self._path}: is of version {found.version}, of which this server knows nothing")
        records = {record.id: record for record in found.keys}
        if len(records) < len(found.keys):
            raise KeyStoreFailed(f"{self._path}: two keys have one id")
        return records

    def _write(self, records: Mapping[str, ApiKeyRecord]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_File(1, list(records.values()))), indent=1) + b"\n"
        if len(text) > _MAX_BYTES:
            raise KeyStoreFailed(f"{self._path}: would be longer than {_MAX_BYTES} bytes; Redis holds more keys")
        path = self._path.resolve()  # where a link stands, it goes on standing
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner only
            try:
                with os.fdopen(handle, "wb") as file:
                    _take_after(path, handle)
                    file.write(text)
                    file.flush()
                    os.fsync(handle)
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as exc:
            raise self._failed(exc) from exc

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            folder = os.open(self._path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
        except (OSError, ValueError) as exc:
            raise self._failed(exc) from exc
        try:
            self._lock(folder)
            yield
        finally:
            os.close(folder)

    def _lock(self, folder: int) -> None:
        gives_up_at = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > gives_up_at:
                    raise KeyStoreFailed(f"{self._path}: another command changes it all the time") from None
                time.sleep(_AGAIN_S)
            except OSError as exc:
                raise self._failed(exc) from exc

    def _failed(self, exc: Exception) -> KeyStoreFailed:
        return KeyStoreFailed(f"{self._path}: {getattr(exc, 'strerror', None) or exc}")


def _take_after(path: Path, handle: int) -> None:
    """Let a new file be read by whom the one before could be read."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        before = path.stat()
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
        os.fchown(handle, before.st_uid, before.st_gid)
