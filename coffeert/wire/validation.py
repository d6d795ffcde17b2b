"""What is wrong with JSON that the decoder refused, field by field.

Everything here is linear in the size of the body, and what it answers is bounded: a body is a stranger's,
and the event loop is everybody's.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from coffeert.errors import ApiError, FieldError, Invalid, Malformed

NOT_DECODED = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding bytes from a stranger may raise."""

MAX_FIELD_ERRORS = 10
"""How many fields at fault an error names; its sentence says how many more there are."""

INVALID_ORDER = "The order has invalid values."

_EXPECTED = re.compile(r"Expected `(\w+)[^`]*`, got")
_NAME_END = re.compile(rb'"\s*:')
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

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


def describe_invalid_fields(
    body: bytes | str,
    expected: type[msgspec.Struct],
    checks: Mapping[str, Callable[[msgspec.Raw], object]],
    *,
    noun: str,
) -> ApiError:
    """Return the error that says why a body is not the expected struct, looking at each field on its own.

    `checks` are stricter readers of single fields, which raise `Invalid`; `noun` says what the body is.
    Returns `Malformed` if it is not a JSON object, or `Invalid` naming the fields at fault.
    """
    try:
        fields = _decode_object(body if isinstance(body, str) else body.decode())
    except NOT_DECODED:
        return Malformed(f"The {noun} is not a JSON object in UTF-8.")
    known = {field.encode_name: field for field in msgspec.structs.fields(expected)}
    faults: list[FieldError] = []
    for name, field in known.items():
        if name in fields:
            faults += _field_faults(name, field.type, fields[name], checks.get(name))
        elif field.required:
            faults.append(FieldError(name, "is required"))
    unknown = fields.keys() - known.keys() - {expected.__struct_config__.tag_field}
    if not faults and not unknown:
        return Malformed("Unreadable.")
    faults, omitted = _first(faults, unknown, "is not a known field")
    return Invalid(INVALID_ORDER + omitted, errors=tuple(faults))


def names_each_once(body: bytes, named: int) -> bool:
    """Whether an object of `named` different fields certainly names none of them twice."""
    # A colon follows the closing quote of every name, so there are at least as many of these as names: if
    # there are no more than different names, none occurs twice. Colons alone are counted faster.
    return body.count(b":") == named or len(_NAME_END.findall(body)) == named


def refuse_repeated_fields(body: bytes, named: int) -> None:
    """Raise `Malformed` if an object names a field twice; decoders differ in which value they take.

    `body` has been decoded already, and `named` is how many different fields it has.
    """
    if names_each_once(body, named):
        return
    try:
        # Pairs instead of dicts, so that no name is lost; numbers stay text, whatever their length.
        pairs: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=list, parse_int=str)
    except (ValueError, RecursionError):
        raise Malformed("The JSON cannot be read.") from None
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        faults, omitted = _first([], twice, "is named twice")
        raise Malformed("A field is named twice." + omitted, errors=tuple(faults))


def _first(
    faults: list[FieldError], names: Iterable[str], message: str
) -> tuple[list[FieldError], str]:
    """Add one message for each name, sort by field, and cut: also return how many more there are."""
    names = [*names]
    room = max(0, MAX_FIELD_ERRORS - len(faults))
    told = [FieldError(_shown(name), message) for name in heapq.nsmallest(room, names)]
    more = len(names) - len(told)
    return sorted(faults + told, key=lambda fault: fault.field), (
        f" {more} more fields are wrong." if more else ""
    )


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
    # It goes back to the sender, and into logs and terminals: short and escaped.
    return ascii(name[:40])[1:-1]
