"""The order form: places an order over the dashboard's connection, and shows what becomes of it."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Label, Select

from coffeert.domain.money import money_text
from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.errors import ApiError, CoffeertError, OutcomeUnknown
from coffeert.printable import printable
from coffeert.tui.model.session import Session
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.render.details import trace_lines
from coffeert.tui.render.form import Checked, FormValues, check, curl, find_drink, total_text
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.inputs import ChoiceSelect
from coffeert.tui.widgets.lines_view import LinesView
from coffeert.wire.orders import MenuBody

_FIELDS = ("store", "drink", "quantity", "price")


class OrderForm(Modal[None]):
    """Stays open after an order, so that the next one is a key press away."""

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
    OrderForm .field Select { width: 24; height: 1; }
    OrderForm .field Input { width: 24; height: 1; }
    OrderForm .field .fault { color: $error; height: 1; width: 1fr; padding: 0 0 0 1; text-wrap: nowrap; }
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
        stores = [(_shown(s.name, s.code), s.code) for s in self.menu.stores]
        drinks = [(f"{_shown(d.name, d.code)}  {d.price}", d.code) for d in self.menu.drinks]
        draft = self._draft
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "New order"
            with Horizontal(classes="field"):
                yield Label("Store", markup=False)
                yield _choice(stores, "store", None if draft is None else draft.store)
                yield Label("", id="store-fault", classes="fault", markup=False)
            with Horizontal(classes="field"):
                yield Label("Drink", markup=False)
                yield _choice(drinks, "drink", None if draft is None else draft.drink)
                yield Label("", id="drink-fault", classes="fault", markup=False)
            with Horizontal(classes="field"):
                yield Label("Quantity", markup=False)
                quantity = "1" if draft is None else str(draft.quantity)
                yield Input(quantity, id="quantity", compact=True, max_length=8)
                yield Label("", id="quantity-fault", classes="fault", markup=False)
            with Horizontal(classes="field"):
                yield Label("Price", markup=False)
                price = None if draft is None else draft.price_cents
                text = "" if price is None else money_text(price, self._session.places)
                yield Input(text, id="price", placeholder="list price", compact=True, max_length=12)
                yield Label("", id="price-fault", classes="fault", markup=False)
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
        """Return what is typed and chosen."""
        return FormValues(
            _chosen(self.query_one("#store", Select)),
            _chosen(self.query_one("#drink", Select)),
            self.query_one("#quantity", Input).value,
            self.query_one("#price", Input).value,
            self._order_id,
        )

    @on(Select.Changed)
    @on(Input.Changed)
    def revise(self) -> None:
        """Check again what is filled in already, and show the list price."""
        checked = check(self.entry(), self._session.currency)
        self._show_faults(checked, only=("quantity", "price"))
        drink = find_drink(self.menu, self.entry().drink or "")
        self.query_one("#price", Input).placeholder = (
            "list price" if drink is None else f"list price {drink.price}"
        )
        self._show_key()

    @on(Input.Submitted)
    def action_place(self) -> None:
        """Place the order, unless something is wrong with it."""
        checked = check(self.entry(), self._session.currency)
        self._show_faults(checked, only=_FIELDS)
        if checked.draft is None:
            wrong = next(field for field in _FIELDS if checked.fault(field))
            self.query_one(f"#{wrong}").focus()
        elif not self._busy:
            self._busy = True
            self._send(checked.draft)

    def action_curl(self) -> None:
        """Copy the order as a curl command."""
        checked = check(self.entry(), self._session.currency)
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
            for fault in error.errors:
                if fault.field in _FIELDS:
                    self.query_one(f"#{fault.field}-fault", Label).update(printable(fault.message))
        except CoffeertError as error:
            self._outcome = [line(Span(f"{self._glyphs.cross} {printable(str(error))}", "bad"))]
        self._busy = False
        self._show_outcome()

    def _finish(self, order: Order) -> None:
        """Say that the order is stored, and take a new key for the next one."""
        amount = money_text(order.total_cents, self._session.places)
        text = f"{order.quantity} x {printable(order.drink)} at {printable(order.store)}, {amount}"
        kind = "refund stored" if order.quantity < 0 else "stored"
        self._outcome = [line(Span(f"{self._glyphs.check} {kind}: ", "good"), Span(text, "strong"))]
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
        draft = check(self.entry(), self._session.currency).draft
        lines = [line(Span("key       ", "dim"), Span(str(self._order_id), "dim"))]
        total = "" if draft is None else total_text(draft, self.menu)
        lines.append(line(Span("total     ", "dim"), Span(total, "strong")))
        self.query_one("#key", LinesView).show(lines)

    def _show_faults(self, checked: Checked, *, only: tuple[str, ...]) -> None:
        for field in _FIELDS:
            fault = checked.fault(field) if field in only else ""
            self.query_one(f"#{field}-fault", Label).update(fault)


def _shown(name: str, code: str) -> str:
    text = printable(name, 24) or printable(code, 24)
    return text.replace("[", "(").replace("]", ")")


def _chosen(select: Select[str]) -> str | None:
    value = select.value
    return value if isinstance(value, str) else None


def _choice(options: list[tuple[str, str]], ident: str, value: str | None) -> ChoiceSelect:
    known = {code for _, code in options}
    chosen = value if value in known else ChoiceSelect.NULL
    return ChoiceSelect(options, id=ident, value=chosen, compact=True, prompt="type or enter")
