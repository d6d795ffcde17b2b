"""The form for an injection: profile, rate, duration, seed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Label, Select

from coffeert.tui.injection import InjectionRequest, parse_injection_request
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.inputs import ChoiceSelect


class InjectionForm(Modal[InjectionRequest]):
    """Closes with an `InjectionRequest`, or with `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "start", id="injection.start", tooltip="Begin to inject"),
    ]
    CSS = """
    InjectionForm > .box { width: 64; }
    InjectionForm .field { height: 1; }
    InjectionForm .field Label { width: 12; color: $foreground 70%; }
    InjectionForm .field Select { width: 22; height: 1; }
    InjectionForm .field Input { width: 22; height: 1; }
    InjectionForm #fault { color: $error; height: auto; }
    InjectionForm .buttons { height: 1; margin: 1 0 0 0; }
    InjectionForm .buttons Button { margin: 0 2 0 0; }
    """

    def compose(self) -> ComposeResult:
        from coffeert.inject.profiles import PROFILES

        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Inject made-up orders"
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
            yield Label("", id="fault", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Start (F2)", id="start", variant="primary", compact=True)
                yield Button("Close (Esc)", id="close", compact=True)

    @on(Input.Submitted)
    def action_start(self) -> None:
        """Close with what was typed, unless something in it cannot be read."""
        try:
            profile = self.query_one("#profile", Select).value
            request = parse_injection_request(
                str(profile),
                *(self.query_one(f"#{n}", Input).value for n in ("rate", "duration", "seed")),
            )
        except ValueError as error:
            self.query_one("#fault", Label).update(str(error))
        else:
            self.dismiss(request)

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        if event.button.id == "start":
            self.action_start()
        else:
            self.dismiss()
