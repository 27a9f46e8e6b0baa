"""Single lines or words in files that belong to a package or to the operator. The rest of the file is not touched."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import Containing, HostState, Query

AWK = """$0 == text || drop != "" && $0 ~ drop { next } { print }
after != "" && $0 ~ after && !done { print text; done = 1 } END { if (!done) print text }"""


@dataclass(frozen=True)
class Line:
    """`text` is a line of `path`: behind the first that matches `after`, else the last. None matches `drop`.

    Both are awk's regular expressions. A file that is missing is left so.
    """

    path: str
    text: str
    after: str = ""
    drop: str = ""

    @property
    def shape(self) -> str:
        return Containing(self.path, f"\n{self.text}\n")

    def script(self) -> str:
        folder, name = posixpath.split(self.path)
        path, fresh = shlex.quote(self.path), shlex.quote(f"{folder}/.{name}.new")
        given = [f"{key}={value}" for key, value in vars(self).items() if key != "path"]
        values = " ".join(map(shlex.quote, given))
        return f"cp -a {path} {fresh}; awk '{AWK}' {values} {path} >{fresh}; mv -fT {fresh} {path}"


@dataclass(frozen=True)
class Without:
    """`word` stands in no file that matches the glob pattern `paths`."""

    paths: str
    word: str

    @property
    def shape(self) -> str:
        return Containing(self.paths, self.word)


@dataclass(frozen=True)
class Edits:
    lines: tuple[Line, ...] = ()
    words: tuple[Without, ...] = ()


def query(want: Edits) -> Query:
    shapes = {*(line.shape for line in want.lines), *(each.shape for each in want.words)}
    return Query(found={*(line.path for line in want.lines), *shapes})


def missing(have: HostState, want: Edits) -> list[Line]:
    return [line for line in want.lines if have.found[line.path] and not have.found[line.shape]]


def remarks(have: HostState, want: Edits) -> Iterator[str]:
    """What is done to whose file."""
    for line in missing(have, want):
        yield f"putting a line into {line.path}: {line.text}"
    for each in want.words:
        for path in have.found[each.shape]:
            yield f"taking {each.word} out of {path}"


def changes(have: HostState, want: Edits) -> Iterator[Command]:
    for line in missing(have, want):
        yield script(line.script())
    for each in want.words:
        if paths := have.found[each.shape]:
            yield script(f"sed -i 's/ *\\b{each.word}\\b//g' {' '.join(map(shlex.quote, paths))}")


lines = converge(query, changes, remarks)
