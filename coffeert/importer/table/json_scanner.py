"""Reading a JSON text value by value, so that an array of any length needs the memory of one element."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

_PART = 1 << 16
_MAX_VALUE = 16 << 20
"""Characters of one element, which is held in memory."""


class MalformedJson(Exception):
    """What is wrong with a text that should be JSON."""

    def __init__(self, problem: str, text: str = "", *, is_beginning: bool = False) -> None:
        super().__init__(problem)
        self.text = text
        self.is_beginning = is_beginning
        """Whether the text could go on to become JSON."""


class Unrepresentable:
    """In place of a value that cannot be used; its text says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __str__(self) -> str:
        return self._reason


def _object(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    return {**value, twice: Unrepresentable("two values")}


def _integer(digits: str) -> object:
    return int(digits) if len(digits) <= 1_000 else Unrepresentable("more than 1,000 digits")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Decimal,
    parse_int=_integer,
    parse_constant=lambda name: Unrepresentable(f"{name}, which is no number"),
)


def decode(text: str) -> object:
    """One JSON text; numbers are `int` or `Decimal`."""
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (character {error.pos + 1})"
        is_beginning = error.pos >= len(text.rstrip()) - 1
        raise MalformedJson(problem, text.strip(), is_beginning=is_beginning) from error
    except RecursionError as error:
        raise MalformedJson("it is nested too deeply", text.strip()) from error


class JsonScanner:
    """A position in a JSON text that comes in parts."""

    def __init__(self, parts: Iterator[str]) -> None:
        self._parts = parts
        self._text = ""
        self._position = 0
        self._line = 1
        self._counted = 0

    def line(self) -> int:
        """The line of the position."""
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = self._position
        return self._line

    def peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            rest = self._text[self._position : self._position + 64]
            blank = len(rest) - len(rest.lstrip(" \t\r\n"))
            self._position += blank
            if blank < len(rest):
                return rest[blank]
            if self._position == len(self._text) and not self._more():
                return ""

    def value(self) -> object:
        """The value at the position."""
        if not self.peek():
            raise MalformedJson("it ends too early")
        while True:
            try:
                start = self._position
                value, end = _decoder.raw_decode(self._text, start)
            except json.JSONDecodeError as error:
                if not self._more():
                    problem = "it ends too early" if error.pos >= len(self._text) - 1 else error.msg
                    raise MalformedJson(problem) from error
            except RecursionError as error:
                raise MalformedJson("it is nested too deeply") from error
            else:
                # A number at the very end may go on in the next part.
                if end < len(self._text) or not self._more():
                    self._position += end - start  # _more() drops what is before the position
                    return value

    def elements(self) -> Iterator[tuple[int, object]]:
        """The elements of the array at the position, and their lines."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            self.peek()
            line = self.line()
            yield line, self.value()
            if self.peek() == "]":
                self._take("]")
                return
            self._take(",")

    def members(self) -> Iterator[tuple[int, str]]:
        """The names in the object at the position; the caller reads each one's value before the next."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            self.peek()
            line = self.line()
            name = self.value()
            if not isinstance(name, str):
                raise MalformedJson("a name is missing")
            self._take(":")
            yield line, name
            if self.peek() == "}":
                self._take("}")
                return
            self._take(",")

    def end(self) -> None:
        """Raise `MalformedJson` if anything follows."""
        if self.peek():
            raise MalformedJson("something follows its end")

    def _take(self, char: str) -> None:
        found = self.peek()
        if found != char:
            raise MalformedJson(f"`{char}` is missing" if found else "it ends too early")
        self._position += 1

    def _more(self) -> bool:
        """Append what comes next, as much as there is, so that retries cost no more than reading."""
        self.line()
        self._text = self._text[self._position :]
        self._position = self._counted = 0
        if len(self._text) > _MAX_VALUE:
            raise MalformedJson(f"a value has more than {_MAX_VALUE >> 20} million characters")
        wanted = max(_PART, len(self._text))
        parts = [self._text]
        for part in self._parts:
            parts.append(part)
            wanted -= len(part)
            if wanted <= 0:
                break
        before = len(self._text)
        self._text = "".join(parts)
        return len(self._text) > before
