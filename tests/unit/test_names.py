"""One name for one thing: no two classes of one name, and words that were replaced do not come back.

docs/decisions/0023-names.md says by what.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "coffeert"

RETIRED = (
    "ailing", "ailment", "anew", "caretaker", "chapter", "dawdle", "doorway", "gatekeeper",
    "hot batch", "hot batches", "journal", "keepsake", "lately", "mandate", "menu board", "mortal",
    "odyssey", "of late", "shelf", "tell whether", "tells whether", "text lane", "whoever", "wish",
)  # fmt: skip
"""In lower case, words apart: `hot_batches`, `HotBatches` and "hot batches" are all `hot batches`."""

RETIRED_IDENTIFIERS = ("at hand", "come in", "put before", "sort out", "take in")
"""Words that prose may have next to each other."""


@cache
def trees() -> dict[str, ast.Module]:
    """Return every file of the package, parsed."""
    return {
        str(path.relative_to(PACKAGE.parent)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def texts_of(tree: ast.AST) -> set[str]:
    """Return what a file names and explains: identifiers, arguments, attributes and docstrings."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                found.add(name)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found |= {name, other or ""}
            case ast.Expr(value=ast.Constant(value=str(text))):
                found.add(text)
            case _:
                pass
    return found


def spoken(text: str) -> str:
    """Return a text or identifier as words in lower case."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return f" {' '.join(re.findall(r'[a-z0-9]+', apart.lower()))} "


def retired_in(text: str) -> list[str]:
    words = RETIRED if " " in text else RETIRED + RETIRED_IDENTIFIERS
    said = spoken(text)
    return [word for word in words if f" {word} " in said]


def test_no_two_classes_have_the_same_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path)
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_retired_words_do_not_come_back() -> None:
    found = {
        (path, word): text[:60]
        for path, tree in trees().items()
        for text in {path, *texts_of(tree)}
        for word in retired_in(text)
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    ["def f(gatekeeper): ...", "class HotBatches: ...", "self._mandate.x", "import a.doorway",
     "x = 1\n'''Whoever leads.'''", "def tell_whether(): ...", "gate.come_in()"],
)  # fmt: skip
def test_a_retired_word_is_found_wherever_it_is_used(source: str) -> None:
    assert any(retired_in(text) for text in texts_of(ast.parse(source)))


@pytest.mark.parametrize(
    "text",
    ["Mandated", "planes", "tell me whether", "hot_chocolate", "relate", "Orders come in order."],
)
def test_other_words_are_not_taken_for_retired_ones(text: str) -> None:
    assert retired_in(text) == []
