"""Every key of the dashboard, and which of them the last line shows where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual.binding import Binding

from coffeert.tui.render.key_line import KeyHint


def _key(key: str, action: str, text: str, ident: str, tooltip: str) -> Binding:
    """Make a binding: `text` is one word for the last line, `tooltip` verb and object for palette and help.

    `ident` is the name by which the key can be remapped.
    """
    return Binding(key, action, text, show=False, id=ident, tooltip=tooltip)


DASHBOARD_KEYS: Final[list[Binding]] = [
    _key("question_mark,f1", "help", "all keys", "help", "Explain the keys and signs"),
    _key("slash", "filter", "filter", "filter", "Filter every panel"),
    _key("n", "new_order", "new order", "order.new", "Place an order"),
    _key("space", "freeze", "hold", "orders.freeze", "Hold or follow the list of orders"),
    _key("t", "range(1)", "period", "range.longer", "Show the next period"),
    _key("T", "range(-1)", "period back", "range.shorter", "Show the period before"),
    _key("d", "days", "days", "range.days", "Show other days, such as a month"),
    _key("c", "compare", "compare", "range.compare", "Compare with another time"),
    _key("m", "metric", "takings or orders", "chart.metric", "Chart takings or orders"),
    _key("o", "sort", "sort", "breakdown.sort", "Sort stores and drinks by another column"),
    _key("plus", "enlarge", "enlarge", "panel.enlarge", "Give this panel the whole screen"),
    _key("1", "tab('live')", "today", "tab.live", "Show everything at a glance"),
    _key("2", "tab('stores')", "stores", "tab.stores", "Show all stores"),
    _key("3", "tab('drinks')", "drinks", "tab.drinks", "Show all drinks"),
    _key("4", "tab('orders')", "orders", "tab.orders", "Show the orders with details"),
    _key("5", "tab('engine')", "engine", "tab.engine", "Show how the server is"),
    _key("backspace", "drill_up", "back", "drill.up", "Leave the store or drink opened"),
    _key("escape", "escape", "back", "back", "Go one step back"),
    _key("f", "jump", "jump", "jump", "Jump to a panel by its letter"),
    _key("v", "next_view", "next view", "view.next", "Show the next saved view"),
    _key("V", "views", "views", "view.list", "List and save views"),
    _key("a", "alerts", "alerts", "alerts.list", "List and acknowledge alerts"),
    _key("e", "export", "export", "export", "Export what is shown"),
    _key("u", "void_last", "void last", "order.void", "Void the last order placed here"),
    _key("R", "repeat_last", "repeat", "order.repeat", "Repeat the last order placed here"),
    _key("y", "copy", "copy", "copy", "Copy the chosen order as JSON"),
    _key("left_square_bracket", "seek(-10)", "10 s back", "rewind.back", "Rewind 10 seconds"),
    _key("right_square_bracket", "seek(10)", "10 s on", "rewind.forth", "Forward 10 seconds"),
    _key("left_curly_bracket", "seek(-60)", "1 min back", "rewind.minute_back", "Rewind a minute"),
    _key("right_curly_bracket", "seek(60)", "1 min on", "rewind.minute_forth", "Forward a minute"),
    _key("at", "go_to", "time", "rewind.go_to", "Show another time, such as yesterday 14:00"),
    _key("end", "live", "live", "rewind.live", "Return to now"),
    _key("ctrl+r,f6", "record", "record", "record", "Record into a file, or stop recording"),
    _key("i", "inject", "inject", "inject.start", "Inject made-up orders"),
    _key("x", "stop_injection", "stop", "inject.stop", "Stop injecting, or take the last run back"),
    _key("r", "reconnect", "reconnect", "link.reconnect", "Connect to the server at once"),
    _key(
        "exclamation_mark",
        "break_part",
        "break something",
        "demo.break",
        "Kill a part of the demo, and see that nothing is lost",
    ),
    _key(
        "Q", "app.page_link", "phone", "page.link", "Show a QR code that opens the page on a phone"
    ),
    _key("f4", "app.next_server", "next server", "server.next", "Show the next of several servers"),
    _key("q", "app.quit", "quit", "quit", "Quit coffeert"),
]


CHANGING: Final = frozenset({"new_order", "repeat_last", "void_last", "inject", "stop_injection"})
"""The actions that change what is stored; `--read-only` has none of them."""

KEY_IDS: Final = frozenset(binding.id for binding in DASHBOARD_KEYS if binding.id is not None)
"""The names by which keys can be remapped."""

_NAMES: Final = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "minus": "-",
    "at": "@",
    "exclamation_mark": "!",
    "escape": "esc",
    "ctrl+p": "^p",
    "ctrl+r": "^r",
    "ctrl+s": "^s",
}

_Item = str | tuple[str, str]
"""A binding by its name, or the keys of a panel itself and what they do."""

_VALUE_AT: Final = ("← →", "value at")
_PANELS: Final[dict[str, tuple[_Item, ...]]] = {
    "orders": (("enter", "details"), "copy", "orders.freeze", "panel.enlarge"),
    "stores": (("enter", "open"), "breakdown.sort", "panel.enlarge"),
    "drinks": (("enter", "open"), "breakdown.sort", "panel.enlarge"),
    "chart": (_VALUE_AT, "chart.metric", "panel.enlarge"),
    "heat": ("panel.enlarge",),
}
_PAST: Final[tuple[_Item, ...]] = (
    "rewind.live",
    "rewind.back",
    "rewind.forth",
    "rewind.minute_back",
)
_EVERYWHERE: Final[tuple[_Item, ...]] = (
    "filter", "range.longer", "range.compare", "order.new", "view.list", "rewind.back", "help", "quit",
)  # fmt: skip
_KEPT: Final = ("help", "quit")
"""What is left out last: from there everything else can be found."""


def readable(keys: str) -> str:
    """Return keys as they are printed on the keyboard."""
    return " ".join(_NAMES.get(key, key) for key in keys.split(","))


def key_hints(
    panel: str, *, past: bool, opened: bool, days: bool, key_of: Callable[[str], str | None]
) -> list[KeyHint]:
    """Return what the last line shows: the keys of the moment first, those that serve everywhere after.

    `panel` is the one with the focus; `opened`: a store, drink or day is, and can be left; `days`: the
    chart is one of days. `key_of` gives the key that a binding has now, by its name.
    """
    items: list[_Item] = [*(_PAST if past else ()), *_PANELS.get(panel, ())]
    if panel == "chart" and days:
        items.insert(items.index(_VALUE_AT) + 1, ("enter", "that day"))
    if opened:
        items.append("drill.up")
    items += [item for item in _EVERYWHERE if item not in items]
    hints = _hints(items, key_of)
    hints.append(KeyHint("^p", "commands", "app.command_palette", len(hints) + 1))
    return hints


def _hints(items: Sequence[_Item], key_of: Callable[[str], str | None]) -> list[KeyHint]:
    known = {binding.id: binding for binding in DASHBOARD_KEYS}
    hints = []
    for rank, item in enumerate(items):
        if isinstance(item, tuple):
            hints.append(KeyHint(*item, "", rank))
            continue
        key, binding = key_of(item), known.get(item)
        if key is not None and binding is not None:
            hints.append(
                KeyHint(
                    readable(key.partition(",")[0]),
                    binding.description,
                    binding.action,
                    -1 if item in _KEPT else rank,
                )
            )
    return hints
