"""docs/tills.md says of each known export what is done with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coffeert.importer.meaning.presets import ExportPreset, known_presets
from coffeert.importer.meaning.statuses import Kind

PAGE = Path(__file__).parents[3] / "docs" / "tills.md"
PARTS = ("Presets", "To get it", "Taken", "Left out")


def sections() -> dict[str, dict[str, str]]:
    """The parts of each section by their names, in one line each."""
    found = {}
    for section in PAGE.read_text("utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        parts = re.findall(r"^- \*\*(.+?):\*\* (.+(?:\n  .+)*)", body, re.MULTILINE)
        found[title] = {name: " ".join(text.split()) for name, text in parts}
    return found


def names(text: str) -> list[str]:
    return re.findall("`([^`]+)`", text)


def section_of(preset: ExportPreset) -> dict[str, str]:
    return next(s for s in sections().values() if preset.name in names(s["Presets"]))


def test_every_known_export_has_one_section() -> None:
    described = [name for section in sections().values() for name in names(section["Presets"])]
    assert sorted(described) == sorted(known_presets())


@pytest.mark.parametrize("title", sections())
def test_every_section_says_it_all(title: str) -> None:
    assert tuple(sections()[title]) == PARTS


@pytest.mark.parametrize("title", sections())
def test_a_way_to_the_button_says_who_has_seen_it(title: str) -> None:
    way = sections()[title]["To get it"]
    known = any(
        source in way
        for source in ("(from the vendor's help)", "(from others who export)", "(not confirmed)")
    )
    assert known or title in ("Stripe", "coffeert", "Public data sets")


@pytest.mark.parametrize("preset", known_presets().values(), ids=lambda preset: preset.name)
def test_what_is_taken_and_what_is_not_is_named(preset: ExportPreset) -> None:
    section = section_of(preset)
    if preset.refuse:
        assert "refused" in section["Left out"]
        return
    taken, left_out = names(section["Taken"]), names(section["Left out"])
    for field in ("price", "total", "discount"):
        for heading in preset.columns.get(field, ()):
            assert heading.removesuffix(" (*)") in taken
    for heading, words in preset.status.items():
        kinds = set(words.values())
        assert Kind.REFUND not in kinds or heading in taken
        assert kinds.isdisjoint({Kind.VOID, Kind.REFUNDED}) or heading in left_out
    assert set(preset.flags) <= set(left_out)
    assert {ending.strip() for ending in preset.void_endings} <= {name.strip() for name in left_out}
    assert set(preset.no_goods) <= set(left_out)
