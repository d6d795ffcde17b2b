"""The form for an injection: profile, rate, duration, seed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Label, Select

from coffeert.tui.injection import InjectionRequest, injection_warning, parse_injection_request
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.inputs import ChoiceSelect


class InjectionForm(Modal[InjectionRequest]):
    """Closes with an `InjectionRequest`, or with `None`.

    Says first which server gets how many made-up orders. Unless all orders of that server are made up
    (`demo`), it wants a typed yes. `stored` is how many orders the server has shown for the last 30 days.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "start", id="injection.start", tooltip="Begin to inject"),
    ]
    CSS = """
    InjectionForm > .box { width: 64; }
    InjectionForm .field { height: 1; }
    InjectionForm .field Label { width: 12; color: $foreground 70%; }
    InjectionForm .field Select { width: 22; height: 1; }
    InjectionForm .field Input { width: 22; height: 1; }
    InjectionForm #warning { width: 1fr; height: auto; margin: 0 0 1 0; color: $warning; }
    InjectionForm #fault { color: $error; height: auto; }
    InjectionForm .buttons { height: 1; margin: 1 0 0 0; }
    InjectionForm .buttons Button { margin: 0 2 0 0; }
    """

    def __init__(self, server: str, stored: int | None, *, demo: bool) -> None:
        super().__init__()
        self._server = server
        self._stored = stored
        self._demo = demo

    def compose(self) -> ComposeResult:
        from coffeert.inject.profiles import PROFILES

        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Inject made-up orders"
            yield Label("", id="warning", markup=False)
            with Horizontal(classes="field"):
                yield Label("Profile")
                options = [(name, name) for name in PROFILES]
                yield ChoiceSelect(
                    options, value=options[0][0], id="profile", compact=True, allow_blank=False
                )
            for name, title, value, hint in (
                ("rate", "Orders/s", "20", ""),
                ("duration", "Duration", "60s", "until stopped"),
                ("seed", "Seed", "", "new orders every time"),
            ):
                with Horizontal(classes="field"):
                    yield Label(title)
                    yield Input(value, id=name, placeholder=hint, compact=True, max_length=12)
            if not self._demo:
                with Horizontal(classes="field"):
                    yield Label("Sure?")
                    yield Input("", id="sure", placeholder="type yes", compact=True, max_length=12)
            yield Label("", id="fault", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Start (F2)", id="start", variant="primary", compact=True)
                yield Button("Close (Esc)", id="close", compact=True)

    @on(Input.Changed)
    def say_what_happens(self) -> None:
        """Say how many orders are going where, as far as what is typed can be read."""
        try:
            orders = self._request().orders
        except ValueError:
            orders = None
        text = injection_warning(orders, self._server, self._stored)
        self.query_one("#warning", Label).update(text)

    @on(Input.Submitted)
    def action_start(self) -> None:
        """Close with what was typed, unless something in it cannot be read or the yes is missing."""
        try:
            request = self._request()
            if not self._demo and self.query_one("#sure", Input).value.strip().lower() != "yes":
                raise ValueError("type yes to send made-up orders among the real ones")
        except ValueError as error:
            self.query_one("#fault", Label).update(str(error))
        else:
            self.dismiss(request)

    def _request(self) -> InjectionRequest:
        profile = self.query_one("#profile", Select).value
        fields = ("rate", "duration", "seed")
        return parse_injection_request(
            str(profile), *(self.query_one(f"#{name}", Input).value for name in fields)
        )

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss()
