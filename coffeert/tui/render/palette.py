"""The palette: the style of each role under the theme in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import Theme

from coffeert.tui.render.spans import AREA_STEPS, Role, area_role, full_role, line_role, over_role

DARK: Final = Theme(
    name="coffeert-dark",
    primary="#7aa2f7",
    secondary="#e0af68",
    accent="#f2b880",
    foreground="#d7d3cc",
    background="#16130f",
    surface="#1e1a15",
    panel="#2a241d",
    success="#8fc77a",
    warning="#e8b84a",
    error="#e5726a",
    dark=True,
)
LIGHT: Final = Theme(
    name="coffeert-light",
    primary="#1f5fa8",
    secondary="#9a5b00",
    accent="#8a4b1f",
    foreground="#2b2620",
    background="#fbf8f3",
    surface="#f3eee6",
    panel="#e6dfd3",
    success="#2c7a34",
    warning="#8a5a00",
    error="#b3261e",
    dark=False,
)
SAFE: Final = Theme(
    name="coffeert-safe",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#f0e442",
    foreground="#e6e6e6",
    background="#101214",
    surface="#181b1e",
    panel="#24292d",
    success="#56b4e9",
    warning="#f0e442",
    error="#ff8c42",
    dark=True,
)
"""For red-green colour blindness: after Okabe and Ito, Color Universal Design (2008)."""

THEMES: Final = (DARK, LIGHT, SAFE)


GRAPHICS_CONTRAST: Final = 3.0
TEXT_CONTRAST: Final = 4.5
"""Least contrast of graphics and of text (WCAG 2.2, 1.4.11 and 1.4.3)."""


GRAPHICS: Final[frozenset[Role]] = frozenset(
    (
        *("frame", "frame-focus", "hatch", "ghost", "running", "series-1", "series-2"),
        *(
            role(step)
            for role in (area_role, full_role, over_role, line_role)
            for step in AREA_STEPS
        ),
    )
)
"""The roles that nothing is written in."""


class Palette:
    """The styles of a theme, made once."""

    __slots__ = ("_styles",)

    def __init__(self, colors: Mapping[str, str], *, dark: bool) -> None:
        back = _color(colors, "background", "#000000" if dark else "#ffffff")
        fore = _color(colors, "foreground", "#ffffff" if dark else "#000000")
        panel = _color(colors, "panel", "#222222" if dark else "#dddddd")
        dim = _readable(back.blend(fore, 0.62), fore, back, TEXT_CONTRAST)
        faint = _readable(back.blend(fore, 0.26), fore, back, GRAPHICS_CONTRAST)
        primary = _color(colors, "primary", "#5599ff")
        secondary = _color(colors, "secondary", "#ffaa44")
        accent = _color(colors, "accent", "#ffcc66")
        good = _color(colors, "success", "#66cc66")
        warn = _color(colors, "warning", "#ddaa33")
        bad = _color(colors, "error", "#dd5555")
        plain: dict[Role, Style] = {
            "text": _style(fore, back),
            "dim": _style(dim, back),
            "strong": _style(fore, back, bold=True),
            "struck": _style(dim, back, strike=True),
            "title": _style(accent, back, bold=True),
            "accent": _style(accent, back, bold=True),
            "good": _style(good, back),
            "bad": _style(bad, back),
            "warn": _style(warn, back, bold=True),
            "frame": _style(faint, back),
            "frame-focus": _style(accent, back),
            "series-1": _style(primary, back),
            "series-2": _style(secondary, back),
            "ghost": _style(dim, back),
            "running": _style(accent, back),
            "hatch": _style(_readable(back.blend(bad, 0.55), bad, back, GRAPHICS_CONTRAST), back),
            "key": _style(accent, back, bold=True),
            "own": _style(accent, back, bold=True),
            "badge-good": _style(back, good, bold=True),
            "badge-warn": _style(back, warn, bold=True),
            "badge-bad": _style(back, bad, bold=True, reverse=False),
            "tab": _style(accent, panel, bold=True),
        }
        # From the foot of a chart to its top; each is seen against the background and the ghost.
        shaded = back.blend(dim, 0.25)
        foot = _readable(back.blend(primary, 0.62), primary, shaded, GRAPHICS_CONTRAST)
        for step in AREA_STEPS:
            color = foot.blend(primary, (step - 1) / (len(AREA_STEPS) - 1))
            plain |= {
                area_role(step): _style(color, back),
                full_role(step): _style(color, color),
                over_role(step): _style(color, shaded),
                line_role(step): _style(back, color),
            }
        self._styles = {(role, False): style for role, style in plain.items()} | {
            (role, True): _chosen(role, style, back, fore, panel) for role, style in plain.items()
        }

    def style(self, role: Role, *, chosen: bool = False) -> Style:
        """Return the style of a role, or of a role in the selected row."""
        return self._styles[role, chosen]


class PlainPalette(Palette):
    """Styles without any colour, for NO_COLOR: weight, dimness and reversal alone."""

    __slots__ = ()

    def __init__(self) -> None:
        reversed_ = Style(reverse=True, bold=True)
        special: dict[Role, Style] = {
            "dim": Style(dim=True),
            "struck": Style(dim=True, strike=True),
            "frame": Style(dim=True),
            "ghost": Style(dim=True),
            "hatch": Style(dim=True),
            "own": Style(underline=True),
            "badge-good": Style(reverse=True),
            "badge-warn": reversed_,
            "badge-bad": reversed_,
            "tab": Style(reverse=True),
            "text": Style(),
            "good": Style(),
            "series-1": Style(),
            "series-2": Style(),
        }
        for step in AREA_STEPS:
            special |= {
                area_role(step): Style(),
                full_role(step): Style(),
                over_role(step): Style(),
                line_role(step): Style(reverse=True),
            }
        plain = {role: special.get(role, Style(bold=True)) for role in get_args(Role)}
        self._styles = {(role, False): style for role, style in plain.items()} | {
            (role, True): Style(reverse=True, bold=True) for role in plain
        }


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (color.r / 255, color.g / 255, color.b / 255)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _readable(color: Color, stronger: Color, back: Color, least: float) -> Color:
    """Return a colour as near to `color` as the contrast allows, blended towards a stronger one."""
    for part in range(11):
        blended = color.blend(stronger, part / 10)
        if contrast(blended, back) >= least:
            return blended
    return stronger


def _chosen(role: Role, style: Style, back: Color, fore: Color, panel: Color) -> Style:
    """Return a style in the selected row: as readable on its background as elsewhere."""
    if style.color is None or style.bgcolor != back.rich_color:
        return style + Style(bold=True)
    least = GRAPHICS_CONTRAST if role in GRAPHICS else TEXT_CONTRAST
    color = _readable(Color.from_rich_color(style.color), fore, panel, least)
    return style + _style(color, panel, bold=True)


def _color(colors: Mapping[str, str], name: str, otherwise: str) -> Color:
    try:
        color = Color.parse(colors.get(name, otherwise))
    except ColorParseError:
        return Color.parse(otherwise)
    return Color.parse(otherwise) if color.ansi is not None or color.a < 1 else color


def _style(
    fore: Color, back: Color, *, bold: bool = False, reverse: bool = False, strike: bool = False
) -> Style:
    return Style(
        color=fore.rich_color, bgcolor=back.rich_color, bold=bold, reverse=reverse, strike=strike
    )
