"""The table of `docs/settings.md` is made from the docstrings of `coffeert/config.py`.

`python -m tests.unit.test_settings_table` writes it again.
"""

from __future__ import annotations

import ast
from pathlib import Path

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import coffeert.config
from coffeert.cli.serve import command
from coffeert.config import ENV_PREFIX, Config

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"


def settings_table() -> str:
    """The settings as a Markdown table, a line each, in the order of the source."""
    lines = [
        "| `coffeert.toml` | environment | flag of `serve` | default | |",
        "|---|---|---|---|---|",
    ]
    docstrings = _docstrings()
    for name, field in Config.model_fields.items():
        default = _default(name, field)
        cells = (
            f"`{name}`",
            f"`{ENV_PREFIX}{name.upper()}`",
            _flag(name),
            default,
            docstrings[name],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _docstrings() -> dict[str, str]:
    tree = ast.parse(Path(coffeert.config.__file__).read_text(encoding="utf-8"))
    config = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Config")
    found = {}
    for field, text in zip(config.body, config.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(doc))
            ):
                found[name] = doc
    return found


def _flag(name: str) -> str:
    option = next((option for option in command.params if option.name == name), None)
    if not isinstance(option, click.Option):
        return ""
    flags = [*option.opts[:1], *option.secondary_opts[:1]]
    return ", ".join(f"`{flag}`" for flag in flags)


def _default(name: str, field: FieldInfo) -> str:
    assert field.default is not PydanticUndefined, f"{name} has no default"
    match field.default:
        case None | ():
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case float(value) if Config.__annotations__[name].endswith("Duration"):
            if value >= 86400:
                return f"`{value / 86400:g}d`"
            if value >= 3600:
                return f"`{value / 3600:g}h`"
            return f"`{value:g}s`" if value >= 1 else f"`{value * 1000:g}ms`"
        case value:
            return f"`{value}`" if not isinstance(value, float) else f"`{value:g}`"


def test_each_setting_has_a_docstring() -> None:
    assert _docstrings().keys() == Config.model_fields.keys()


def test_the_document_holds_the_settings_as_they_are() -> None:
    written = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert written == settings_table(), "renew it with: python -m tests.unit.test_settings_table"


def renew() -> None:
    """Write the table into the document."""
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}{settings_table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    renew()
