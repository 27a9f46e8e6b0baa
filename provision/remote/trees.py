"""Searches of whole trees: what is not root's, and what is newer than a marker. Runs ON the host, within the one look.

A tree is walked once for all that is asked of it, by find(1), while the rest of the look goes on: walking is the cost.
"""

import glob
import os
import subprocess
import time

FOREIGN = (
    "( ! -user root -o ! -group root -o ! -type l ( -perm /6022 -o ! -perm -444 -o -type d ! -perm -111 ) )"
)


def trees(foreign: "list[str]", edited: "list[str]") -> "dict[str, list[str]]":
    """By folder to walk: the markers of which it is searched, too. What is not there is not walked."""
    found: dict[str, list[str]] = {folder: [] for folder in foreign if os.path.isdir(folder)}
    for marker in filter(os.path.exists, edited):
        home = os.path.dirname(marker)
        disk = os.stat(home).st_dev  # find stays on one
        around = (top for top in found if (home + "/").startswith(top + "/") and os.stat(top).st_dev == disk)
        found.setdefault(next(around, home), []).append(marker)
    return found


def newer(marker: str, now: float) -> "list[str]":
    """find's words for what was edited in a marker's folder since the marker."""
    home = glob.escape(os.path.dirname(marker))
    words = ["(", "-path", home, "-o", "-path", home + "/*", ")", "(", "-newer", marker]
    if os.stat(marker).st_mtime > now + 60:  # the clock was set back: what it wrote since is an edit
        words += ["-o", "!", "-newerct", "@" + str(int(now) + 60)]
    return [*words, ")"]


def command(folder: str, asked: "list[str]", now: float) -> "list[str]":
    """find's words for one tree; `asked` are its own name, where it is searched for what is not root's, and markers."""
    words = ["find", folder, "-xdev"]
    for place, what in enumerate(asked):
        words += [","] if place else []
        words += FOREIGN.split() if what == folder else newer(what, now)
        words += ["-printf", str(place) + "\\t%p\\n"]
    return words


def begin(foreign: "list[str]", edited: "list[str]") -> "list[tuple[list[str], subprocess.Popen[str]]]":
    """Begin all walks: what each was asked, and its find, whose lines begin with the place of one of those."""
    begun = []
    for folder, markers in trees(foreign, edited).items():
        asked = [*([folder] if folder in foreign else []), *markers]
        words = command(folder, asked, time.time())
        begun.append(
            (asked, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        )
    return begun


def finish(begun: "list[tuple[list[str], subprocess.Popen[str]]]") -> "dict[str, list[str]]":
    """What was found, by folder or marker."""
    found: dict[str, list[str]] = {}
    for asked, search in begun:
        for what in asked:
            found[what] = []
        for line in search.communicate()[0].splitlines():
            place, tab, path = line.partition("\t")
            if tab and place.isdigit():
                found[asked[int(place)]].append(path)
    return found
