"""Every key of the dashboard: its action, the name by which it can be remapped, and its tooltip."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding


def _key(
    key: str, action: str, text: str, ident: str, tooltip: str, *, show: bool = False
) -> Binding:
    return Binding(key, action, text, show=show, id=ident, tooltip=tooltip)


DASHBOARD_KEYS: Final[list[Binding]] = [
    _key("question_mark,f1", "help", "help", "help", "Explain the keys of this screen", show=True),
    _key("slash", "filter", "filter", "filter", "Filter every panel", show=True),
    _key("n", "new_order", "new order", "order.new", "Place an order", show=True),
    _key(
        "space", "freeze", "freeze", "orders.freeze", "Stop or follow the list of orders", show=True
    ),
    _key("t", "range(1)", "period", "range.longer", "Show the next period", show=True),
    _key("T", "range(-1)", "period before", "range.shorter", "Show the period before"),
    _key("c", "compare", "compare", "range.compare", "Compare with another time", show=True),
    _key("m", "metric", "takings or orders", "chart.metric", "Chart takings or orders"),
    _key("o", "sort", "sort", "breakdown.sort", "Sort stores and drinks by another column"),
    _key("plus", "enlarge", "enlarge", "panel.enlarge", "Give this panel the whole screen"),
    _key("1", "tab('live')", "today", "tab.live", "Show everything at a glance"),
    _key("2", "tab('stores')", "stores", "tab.stores", "Show all stores"),
    _key("3", "tab('drinks')", "drinks", "tab.drinks", "Show all drinks"),
    _key("4", "tab('orders')", "orders", "tab.orders", "Show the orders with details"),
    _key("5", "tab('engine')", "engine", "tab.engine", "Show how the server is"),
    _key("backspace", "drill_up", "up", "drill.up", "Leave the store or drink drilled into"),
    _key("escape", "escape", "back", "back", "Close, unfreeze, leave: one step back"),
    _key("f", "jump", "jump", "jump", "Jump to a panel by its letter", show=True),
    _key("v", "next_view", "view", "view.next", "Go through the saved views"),
    _key("a", "acknowledge", "acknowledge", "alerts.acknowledge", "Take note of the alerts"),
    _key("e", "export", "export", "export", "Write what is shown into a file"),
    _key("u", "void_last", "void last", "order.void", "Void the last order placed here"),
    _key("R", "repeat_last", "repeat", "order.repeat", "Place the last order once more"),
    _key("y", "copy", "copy", "copy", "Copy the chosen order as JSON"),
    _key("left_square_bracket", "seek(-10)", "back", "rewind.back", "Look 10 seconds back"),
    _key("right_square_bracket", "seek(10)", "forth", "rewind.forth", "Go 10 seconds forth"),
    _key(
        "left_curly_bracket",
        "seek(-60)",
        "minute back",
        "rewind.minute_back",
        "Look a minute back",
    ),
    _key(
        "right_curly_bracket",
        "seek(60)",
        "minute forth",
        "rewind.minute_forth",
        "Go a minute forth",
    ),
    _key("at", "go_to", "time", "rewind.go_to", "Show another time, such as yesterday 14:00"),
    _key("end", "live", "live", "rewind.live", "Show what is now"),
    _key("ctrl+r,f6", "record", "record", "record", "Record into a file, or stop recording"),
    _key("i", "inject", "inject", "inject.start", "Inject made-up orders"),
    _key(
        "x",
        "stop_injection",
        "stop inject",
        "inject.stop",
        "Stop injecting, or take the last run back",
    ),
    _key("r", "reconnect", "reconnect", "link.reconnect", "Connect at once instead of waiting"),
    _key(
        "exclamation_mark",
        "break_part",
        "break something",
        "demo.break",
        "Kill a part of the demo, and see that nothing is lost",
    ),
    _key("q", "app.quit", "quit", "quit", "Leave", show=True),
]


CHANGING: Final = frozenset({"new_order", "repeat_last", "void_last", "inject", "stop_injection"})
"""The actions that change what is stored; `--read-only` has none of them."""

KEY_IDS: Final = frozenset(binding.id for binding in DASHBOARD_KEYS if binding.id is not None)
"""The names by which keys can be remapped."""

_NAMES: Final = {
    "question_mark": "?",
    "slash": "/",
    "at": "@",
    "plus": "+",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}


def readable(keys: str) -> str:
    """Return keys as they are printed on the keyboard."""
    return " ".join(_NAMES.get(key, key) for key in keys.split(","))
