"""Secrets: given by the environment or by a file, read when they are needed, shown nowhere.

``env="SHOP_KEY"`` is the variable ``SHOP_KEY``, else the file that the variable ``SHOP_KEY_FILE`` names, as container
platforms have it; ``file="/run/secrets/shop"`` is that file. Of a file the line ends at its end do not count. A file is
read each time, so a changed one is taken up by whoever reads again.
"""

from __future__ import annotations

import os
import stat

from sources.errors import DeclarationError

_MOST_BYTES = 65_536
_SUFFIX = "_FILE"


class Secret:
    """A secret given as a value, as the name of an environment variable, or as the path of a file.

    Args:
        what: whose it is, for messages.

    Raises:
        DeclarationError: there is none of the three, or more than one.
    """

    def __init__(self, value: str | None, env: str | None, what: str, file: str | None = None) -> None:
        if [value, env, file].count(None) != 2:
            raise DeclarationError(
                f"{what}: give either the value, env=, the environment variable that holds it, or file=, its file"
            )
        if env == "" or file == "":
            raise DeclarationError(f"{what}: {'env' if env == '' else 'file'}= is empty")
        self._value = value
        self._env = env
        self._file = file

    def __repr__(self) -> str:
        return f"Secret({self._env or self._file or '...'})"

    def missing(self) -> list[str]:
        """Give what is needed and not there, for `lacking`: a variable's name, or a file's path."""
        return [] if self._value is not None or self._found() else [self._lacked()]

    def text(self) -> str:
        """Give the secret, which may have several lines, as a key in PEM has.

        Raises:
            DeclarationError: it is not there.
        """
        found = self._found()
        if not found and self._value is None:
            raise DeclarationError(lacking(self._lacked()))
        return found

    def read(self) -> str:
        """Give the secret.

        Raises:
            DeclarationError: it is not there, or may not stand in a header. The message does not quote it.
        """
        found = self.text()
        if any(ord(mark) < 32 or ord(mark) == 127 for mark in found):
            raise DeclarationError(f"{self._env or self._file or 'the secret'} holds a control character")
        return found

    def _found(self) -> str:
        if self._value is not None:
            return self._value
        path = self._path()
        return os.environ.get(self._env or "", "") if path is None else _text(path)

    def _path(self) -> str | None:
        """Give the file that holds the secret, if one does."""
        if self._env is None or os.environ.get(self._env):
            return self._file
        return os.environ.get(self._env + _SUFFIX) or None

    def _lacked(self) -> str:
        path = self._path()
        if path is None:
            return self._env or ""
        return path if os.sep in path else os.path.join(os.curdir, path)


def lacking(missing: str) -> str:
    """Give the sentence that a name which `missing` gives amounts to."""
    if os.sep in missing:
        return f"the file {missing} is not there, is empty, or cannot be read as text"
    return f"the environment variable {missing} is not set"


def _text(path: str) -> str:
    """Give what a file holds, without line ends at its end; nothing where it cannot be read."""
    try:
        # Without waiting: a pipe that nobody writes to would hold whoever opens it.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            content = file.read(_MOST_BYTES + 1)
        return "" if len(content) > _MOST_BYTES else content.decode().rstrip("\r\n")
    except (OSError, ValueError):
        return ""
