"""Pictures in the terminal: beside the dashboard's charts the one place that knows plotext.

The dashboard's own place for it belongs to the terminal, which the lab does not load, and draws bare
curves onto a canvas of cells; here whole charts with axes are printed.
"""

from __future__ import annotations

import re
from typing import Final

from coffeert.lab.results import Picture

_ROWS = 16
# Of axes and text, black on white by default: in the terminal's own colours both are readable.
_PAINT: Final = re.compile(r"\x1b\[(?:48;5;15|38;5;0|38;5;12)m")
_FIRST_COLOR = 2  # of the terminal's own, which its theme makes readable


def printed(picture: Picture, columns: int) -> str:
    """Draw a picture as text, for a terminal so many columns wide."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, _ROWS)
    figure.title(picture.title)
    figure.canvas("default")
    figure.label(picture.x, "x")
    for number, curve in enumerate(picture.curves):
        signal = figure.signal(
            [point.x for point in curve.points],
            [point.y for point in curve.points],
            marker=plotext.marker("braille", _FIRST_COLOR + number),
        )
        signal.label(curve.name)
        signal.lines()
        figure.draw(signal)
    for axis, log in (("x", picture.log_x), ("y", picture.log_y)):
        if log:
            figure.ruler(axis, 0).scale("log")
    return _PAINT.sub("", figure.build().string())
