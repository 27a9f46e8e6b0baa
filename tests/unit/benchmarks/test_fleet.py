"""The drawing of benchmarks/fleet.py."""

import xml.etree.ElementTree as ElementTree

from benchmarks.fleet import svg


def test_a_drawing_has_a_line_and_a_point_for_each_value() -> None:
    drawn = svg({"no-op": {1: 1.5, 8: 3.0, 16: 5.0}, "check": {1: 5.0, 16: 40.0}})
    kinds = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn)]  # noqa: S314 - our own
    assert kinds.count("circle") == 5
    texts = [element.text for element in ElementTree.fromstring(drawn) if element.text]  # noqa: S314
    assert {"no-op", "check", "hosts", "0 s", "40 s", "1", "8", "16"} <= set(texts)
    numbers = [float(word) for word in drawn.replace('"', " ").split() if word.replace(".", "").isdigit()]
    assert max(numbers) <= 640, "nothing lies outside"
