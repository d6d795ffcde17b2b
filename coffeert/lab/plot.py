"""Pictures in the terminal: beside the dashboard's charts the one place that knows plotext.

The dashboard's own place for it belongs to the terminal, which the lab does not load, and draws bare
curves onto a canvas of cells; here whole charts with axes are printed.
"""

from __future__ import annotations

from coffeert.lab.results import Picture

_ROWS = 16


def printed(picture: Picture, columns: int) -> str:
    """Draw a picture as text, for a terminal so many columns wide."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, _ROWS)
    figure.title(picture.title)
    for curve in picture.curves:
        signal = figure.signal(
            [point.x for point in curve.points],
            [point.y for point in curve.points],
            label=curve.name,
        )
        signal.lines()
        figure.draw(signal)
    text: str = figure.build().string()
    return text
