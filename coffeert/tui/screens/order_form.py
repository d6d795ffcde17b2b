"""The order form: places an order over the dashboard's connection, and shows what becomes of it."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Label

from coffeert.domain.money import money_text
from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.errors import ApiError, CoffeertError, OutcomeUnknown
from coffeert.printable import printable
from coffeert.tui.model.session import Session
from coffeert.tui.model.suggestions import MenuItem, named_by
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.render.details import trace_lines
from coffeert.tui.render.form import (
    Checked,
    FormValues,
    check,
    curl,
    drinks_of,
    find_drink,
    order_words,
    stores_of,
    total_text,
)
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.inputs import ChoiceInput
from coffeert.tui.widgets.lines_view import LinesView
from coffeert.wire.orders import MenuBody

_FIELDS: Final = ("store", "drink", "quantity", "price", "total")
_NUMBERS: Final = ("quantity", "price", "total")


class OrderForm(Modal[None]):
    """Stays open after an order, so that the next one is a key press away."""

    KEYS = (("tab", "next"), ("↑↓", "choose"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s", "place", "place", id="form.place", tooltip="Place the order"),
        Binding(
            "f3", "curl", "copy curl", id="form.curl", tooltip="Copy the order as a curl command"
        ),
    ]
    CSS = """
    OrderForm > .box { width: 72; }
    OrderForm .field { height: 1; }
    OrderForm .field Label { width: 10; color: $foreground 70%; }
    OrderForm .field Input { width: 1fr; max-width: 48; height: 1; }
    OrderForm .fault { color: $error; width: 100%; height: auto; padding: 0 0 0 10; display: none; }
    OrderForm .suggested { padding: 0 0 0 8; display: none; }
    OrderForm .buttons { height: 1; margin: 1 0 0 0; }
    OrderForm .buttons Button { margin: 0 2 0 0; }
    """

    def __init__(
        self,
        order_actions: OrderActions,
        session: Session,
        glyphs: Glyphs,
        draft: Draft | None = None,
        *,
        url: str,
        has_token: bool,
    ) -> None:
        super().__init__()
        self._order_actions = order_actions
        self._session = session
        self._url = url
        self._has_token = has_token
        self._glyphs = glyphs
        self._draft = draft
        self._order_id = new_order_id()
        self._outcome: list[Line] = []
        self._busy = False
        self._placed: Draft | None = None

    @property
    def menu(self) -> MenuBody:
        """The latest menu."""
        return self._session.menu or MenuBody((), ())

    def compose(self) -> ComposeResult:
        draft, stores, drinks = self._draft, stores_of(self.menu), drinks_of(self.menu)
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "New order"
            store = "" if draft is None else _name(draft.store, stores)
            drink = "" if draft is None else _name(draft.drink, drinks)
            quantity = "1" if draft is None else str(draft.quantity)
            price = self._money(None if draft is None else draft.price_cents)
            total = self._money(None if draft is None else draft.total_cents)
            yield from _field("store", "Store", ChoiceInput(stores, store, id="store"))
            yield from _field("drink", "Drink", ChoiceInput(drinks, drink, id="drink"))
            yield from _field("quantity", "How many", _number("quantity", quantity))
            yield from _field("price", "Price", _number("price", price, "list price"))
            yield from _field("total", "Total", _number("total", total, "number x price"))
            yield LinesView(id="key")
            with Horizontal(classes="buttons"):
                yield Button("Place (F2)", id="place", variant="primary", compact=True)
                yield Button("Copy curl (F3)", id="curl", compact=True)
                yield Button("Close (Esc)", id="close", compact=True)
            yield LinesView(id="outcome")

    def on_mount(self) -> None:
        """Focus the first thing left to do."""
        self._show_key()
        self.set_interval(0.25, self._show_outcome)
        if self._draft is not None:
            self.query_one("#place").focus()

    def entry(self) -> FormValues:
        """Return what is typed."""
        store, drink, quantity, price, total = (
            self.query_one(f"#{field}", Input).value for field in _FIELDS
        )
        return FormValues(store, drink, quantity, price, total, self._order_id)

    @on(Input.Changed)
    @on(ChoiceInput.Taken)
    def revise(self) -> None:
        """Check again what is filled in already, and show the list price."""
        self._show_faults(self._check(), only=_NUMBERS)
        named = named_by(self.entry().drink, drinks_of(self.menu))
        drink = find_drink(self.menu, named[0].code) if len(named) == 1 else None
        self.query_one("#price", Input).placeholder = (
            "list price" if drink is None else f"list price {drink.price}"
        )
        self._show_key()

    @on(ChoiceInput.Offered)
    def show_suggestions(self, message: ChoiceInput.Offered) -> None:
        """Show what may be meant below the field."""
        view = self.query_one(f"#{message.field.id}-suggested", LinesView)
        view.display = bool(message.lines)
        view.show(message.lines)

    @on(Input.Submitted)
    def action_place(self) -> None:
        """Place the order, unless something is wrong with it."""
        checked = self._check()
        self._show_faults(checked, only=_FIELDS)
        if checked.draft is None:
            wrong = next(field for field in _FIELDS if checked.fault(field))
            self.query_one(f"#{wrong}").focus()
        elif not self._busy:
            self._busy = True
            self._send(checked.draft)

    def action_curl(self) -> None:
        """Copy the order as a curl command."""
        checked = self._check()
        draft = checked.draft or self._placed
        if draft is None:
            self._show_faults(checked, only=_FIELDS)
            return
        self.app.copy_to_clipboard(
            curl(draft, self._url, self._session.currency, with_token=self._has_token)
        )
        self.notify("Copied as a curl command.")

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        if event.button.id == "place":
            self.action_place()
        elif event.button.id == "curl":
            self.action_curl()
        else:
            self.dismiss()

    @work
    async def _send(self, draft: Draft) -> None:
        self._placed = draft
        self._outcome = [line(Span("sending" + self._glyphs.ellipsis, "dim"))]
        try:
            await self._order_actions.place(draft)
        except OutcomeUnknown as error:
            # The same key again is safe: the form keeps it.
            text = f"{printable(str(error))} Placing it again is safe: the key stays the same."
            self._outcome = [line(Span(text, "warn"))]
        except ApiError as error:
            self._outcome = [
                line(Span(f"{self._glyphs.cross} {error.status} {printable(str(error))}", "bad"))
            ]
            self._show_faults(Checked(None, error.errors), only=_FIELDS)
        except CoffeertError as error:
            self._outcome = [line(Span(f"{self._glyphs.cross} {printable(str(error))}", "bad"))]
        self._busy = False
        self._show_outcome()

    def _check(self) -> Checked:
        return check(self.entry(), self.menu)

    def _money(self, cents: int | None) -> str:
        return "" if cents is None else money_text(cents, self._session.places)

    def _finish(self, order: Order) -> None:
        """Say that the order is stored, and take a new key for the next one."""
        kind = "refund stored" if order.quantity < 0 else "stored"
        words = Span(order_words(order, self._session.menu), "strong")
        self._outcome = [line(Span(f"{self._glyphs.check} {kind}: ", "good"), words)]
        self._order_id = new_order_id()
        self._show_key()

    def _show_outcome(self) -> None:
        own = None
        if self._placed is not None and self._placed.order_id is not None:
            own = self._session.own.get(self._placed.order_id)
        shown: list[Line] = []
        if own is not None and own.order is not None and own.status == "stored":
            if self._order_id == own.order.order_id and not self._busy:
                self._finish(own.order)  # known by the answer or, without one, by the feed
            shown = trace_lines(own, self._glyphs)
        self.query_one("#outcome", LinesView).show([*self._outcome, *shown])

    def _show_key(self) -> None:
        draft = self._check().draft
        total = "" if draft is None else total_text(draft, self.menu)
        lines = [
            line(Span("costs     ", "dim"), Span(total, "strong")),
            line(Span("key       ", "dim"), Span(str(self._order_id), "dim")),
        ]
        self.query_one("#key", LinesView).show(lines)

    def _show_faults(self, checked: Checked, *, only: tuple[str, ...]) -> None:
        for field in _FIELDS:
            fault = checked.fault(field) if field in only else ""
            label = self.query_one(f"#{field}-fault", Label)
            label.update(printable(fault, 300))
            label.display = bool(fault)


def _field(field: str, title: str, value: Widget) -> ComposeResult:
    """A field with what may be meant and what is wrong with it on lines of their own below."""
    with Horizontal(classes="field"):
        yield Label(title, markup=False)
        yield value
    yield LinesView(id=f"{field}-suggested", classes="suggested")
    yield Label("", id=f"{field}-fault", classes="fault", markup=False)


def _number(field: str, value: str, hint: str = "") -> Input:
    return Input(value, id=field, placeholder=hint, compact=True, max_length=12)


def _name(code: str, items: tuple[MenuItem, ...]) -> str:
    """Return the name of a code; the code itself if it has none, or several have that name."""
    names = [item.name for item in items if item.code == code]
    same = [item for item in items if names and item.name == names[0]]
    return printable(names[0], 64) if len(same) == 1 else code
