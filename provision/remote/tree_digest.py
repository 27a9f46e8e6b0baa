"""`python3 tree_digest.py FOLDER`: the SHA-256 over a folder's names, modes, links and contents, times left out.

The file .complete is left out: it holds the digest. Caches of Python are part of it, since they are what runs.
"""

import hashlib
import os
import stat
import sys

MARKER = ".complete"


def digest(folder: str) -> str:
    """Hex digits; another name, mode, link or byte below `folder` gives another one. Raises OSError."""
    whole = hashlib.sha256()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(
            [*names, *(each for each in folders if os.path.islink(os.path.join(place, each)))]
        ):
            path = os.path.join(place, name)
            inside = os.path.relpath(path, folder)
            if inside == MARKER:
                continue
            found = os.lstat(path)
            whole.update(
                f"{inside}\0{stat.S_IMODE(found.st_mode):o}\0{stat.S_IFMT(found.st_mode):o}\0".encode()
            )
            if stat.S_ISLNK(found.st_mode):
                whole.update(os.fsencode(os.readlink(path)))
            elif stat.S_ISREG(found.st_mode):
                whole.update(content(path))
    return whole.hexdigest()


def content(path: str) -> bytes:
    """The SHA-256 of a file."""
    own = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(2**20):
            own.update(part)
    return own.digest()


if __name__ == "__main__":
    print(digest(sys.argv[1]))
