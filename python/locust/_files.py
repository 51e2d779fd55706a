"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

# The longest name that usual file systems take, in bytes.
_NAME_MAX = 255
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)


def write_whole(path: str, text: str) -> None:
    """Writes a text file, in UTF-8. Whoever opens `path` finds the old file or the new one, whole: a full disk, an
    interruption or the end of the process leave the old one. Raises `OSError`.

    What is no ordinary file is written as it is (`/dev/stdout`), and so is what nothing can take the place of: a file that
    is mounted into a container, or in a directory that belongs to somebody else.
    """
    content = text.encode()
    try:
        old = os.stat(path)
    except OSError:
        # It is not there, or whatever is wrong with it is said when it is written.
        old = None
    if old is not None and not _can_be_replaced(old):
        return _write_in_place(path, content)
    target = os.path.realpath(path)
    draft = _draft_beside(target)
    try:
        # As `open` would make it: the system takes the user's mask off.
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as e:
        if e.errno not in _FULL:
            return _write_in_place(path, content)
        e.filename = path
        raise
    try:
        with open(file, "wb") as out:
            if old is not None:
                _keep_rights(file, old)
            out.write(content)
            out.flush()
            _sync(file)
        try:
            os.replace(draft, target)
        except OSError:
            _write_in_place(path, content)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)


def _can_be_replaced(file: os.stat_result) -> bool:
    """Whether it is an ordinary file that is not our output: that goes on, so it has to stay the file that it is."""
    if not stat.S_ISREG(file.st_mode):
        return False
    for output in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(file, os.fstat(output)):
                return False
    return True


def _draft_beside(target: str) -> str:
    """A name that nobody has, in the same directory: only there a file can take another's place in one step."""
    directory, name = os.path.split(target)
    ending = f".{secrets.token_hex(6)}.part"
    short = os.fsdecode(os.fsencode(name)[: _NAME_MAX - len(ending) - 1])
    return os.path.join(directory, f".{short}{ending}")


def _keep_rights(file: int, old: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        os.fchown(file, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(file, stat.S_IMODE(old.st_mode))


def _sync(file: int) -> None:
    """Some disks say only now that they are full. There are file systems that cannot do it."""
    try:
        os.fsync(file)
    except OSError as e:
        if e.errno not in _CANNOT_SYNC:
            raise


def _write_in_place(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
