"""A copy of a PDF with its highlights drawn in. `python -m harvest.pdfmark FILE < marks.json > copy.pdf`"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

from harvest import childproc
from harvest.pdfcheck import NotAPdf, opened


def burn_in(path: Path, marks: list[dict[str, Any]]) -> bytes:
    """The copy. `marks` as /api/papers/<id>/highlights lists them. Raises NotAPdf."""
    try:
        return childproc.run("harvest.pdfmark", str(path), stdin=json.dumps(marks).encode())
    except childproc.Failed as error:
        raise NotAPdf(str(error) or "The PDF takes too much memory or time to mark.") from error


def drawing(marks: list[dict[str, Any]]) -> bytes:
    """PDF operators that fill the marks' rectangles; /HarvestMark multiplies, so that text stays readable."""
    lines = [b"q /HarvestMark gs"]
    for mark in marks:
        red, green, blue = (int(mark["color"][i : i + 2], 16) / 255 for i in (1, 3, 5))
        lines.append(f"{red:.3f} {green:.3f} {blue:.3f} rg".encode())
        for x0, y0, x1, y1 in mark["rects"]:
            lines.append(f"{x0:.2f} {y0:.2f} {x1 - x0:.2f} {y1 - y0:.2f} re f".encode())
    return b"\n".join([*lines, b"Q"])


def _mark(path: str, marks: list[dict[str, Any]]) -> bytes:
    from pypdf import PdfWriter
    from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject

    reader = opened(path)
    if reader.is_encrypted:
        reader.decrypt("")
    writer = PdfWriter(clone_from=reader)
    state = writer._add_object(DictionaryObject({NameObject("/BM"): NameObject("/Multiply")}))

    def stream(data: bytes) -> object:
        made = DecodedStreamObject()
        made.set_data(data)
        return writer._add_object(made)

    by_page: dict[int, list[dict[str, Any]]] = {}
    for mark in marks:
        by_page.setdefault(mark["page"], []).append(mark)
    for number, found in by_page.items():
        if number > len(writer.pages):
            continue
        page = writer.pages[number - 1]
        # Resources may be inherited or shared between pages; this page gets its own.
        own = DictionaryObject(page.get("/Resources", DictionaryObject()).get_object())
        states = DictionaryObject(own.get("/ExtGState", DictionaryObject()).get_object())
        states[NameObject("/HarvestMark")] = state
        own[NameObject("/ExtGState")] = states
        page[NameObject("/Resources")] = own
        old = page.get("/Contents")
        old = old.get_object() if old is not None else ArrayObject()
        parts = list(old) if isinstance(old, ArrayObject) else [page.raw_get("/Contents")]
        page[NameObject("/Contents")] = ArrayObject(
            [stream(b"q\n"), *parts, stream(b"\nQ\n" + drawing(found))]
        )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _main(path: str) -> int:
    childproc.limit_myself()
    import logging

    logging.disable()
    try:
        data = _mark(path, json.load(sys.stdin))
    except MemoryError:
        return 2
    except Exception as error:  # a parser meets whatever the file holds
        print(f"The PDF cannot be marked ({type(error).__name__}).")
        return 1
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
