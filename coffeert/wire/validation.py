"""What is wrong with JSON from a stranger: the slow look at a body that the decoder did not take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from coffeert.errors import ApiError, FieldError, Invalid, Malformed

NOT_DECODED = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding bytes from a stranger may raise."""

INVALID_ORDER = "The order has invalid values."

_EXPECTED = re.compile(r"Expected `(\w+)[^`]*`, got")
_any = msgspec.json.Decoder(dict[str, msgspec.Raw])

_PLAIN = {
    "timezone": "must be a time with an offset, such as 2026-01-31T09:30:00+01:00",
    "datetime": "must be a time in RFC 3339, such as 2026-01-31T09:30:00+01:00",
    "RFC3339": "must be a time in RFC 3339, such as 2026-01-31T09:30:00+01:00",
    "UUID": "must be a UUID",
    "uuid": "must be a UUID",
    "Integer": "must be a whole number that is not so large",
    "int": "must be a whole number",
    "range": "must be a whole number that is not so large",
    "length": "is too long",
    "str": "must be a string",
}


def explain(
    body: bytes | str,
    expected: type[msgspec.Struct],
    checks: Mapping[str, Callable[[msgspec.Raw], object]],
    *,
    noun: str,
) -> ApiError:
    """Tell what keeps a body from being the expected struct, looking at each field on its own.

    `checks` are stricter readers of single fields, which raise `Invalid`; `noun` says what the body
    is. Returns `Malformed`, or `Invalid` naming every field at fault.
    """
    try:
        fields = _any.decode(body if isinstance(body, str) else body.decode())
    except NOT_DECODED:
        return Malformed(f"The {noun} is not a JSON object in UTF-8.")
    tag_field = expected.__struct_config__.tag_field
    known = {field.encode_name: field for field in msgspec.structs.fields(expected)}
    faults = [
        FieldError(_shown(name), "is not a known field")
        for name in fields.keys() - known.keys() - {tag_field}
    ]
    for name, field in known.items():
        if name in fields:
            faults += _field_faults(name, field.type, fields[name], checks.get(name))
        elif field.required:
            faults.append(FieldError(name, "is required"))
    faults.sort(key=lambda fault: fault.field)
    return Invalid(INVALID_ORDER, errors=tuple(faults)) if faults else Malformed("Unreadable.")


def refuse_repeated_fields(body: bytes | str) -> None:
    """Raise `Malformed` where an object names a field twice, or cannot be read at all.

    The fast decoder lets both pass, the latter in values that are kept as their text.
    """

    def check(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Malformed(
                "A field is named twice.",
                errors=tuple(FieldError(_shown(name), "is named twice") for name in twice),
            )

    try:
        json.loads(body, object_pairs_hook=check, parse_int=str)
    except (ValueError, RecursionError):  # it looks into what the fast decoder has passed over
        raise Malformed("The JSON cannot be read.") from None


def _field_faults(
    name: str,
    expected: Any,
    value: msgspec.Raw,
    check: Callable[[msgspec.Raw], object] | None,
) -> tuple[FieldError, ...]:
    try:
        if check is not None:
            check(value)
        else:
            msgspec.json.decode(value, type=expected)
    except Invalid as error:
        return error.errors
    except NOT_DECODED as error:
        return (FieldError(name, _plain(str(error))),)
    return ()


def _plain(message: str) -> str:
    expected = _EXPECTED.search(message)
    words = [expected[1]] if expected else message.split()
    return next((text for word, text in _PLAIN.items() if word in words), "cannot be read")


def _shown(name: str) -> str:
    # Goes back to whoever sent it, and into logs and terminals: short and escaped.
    return ascii(name[:40])[1:-1]
