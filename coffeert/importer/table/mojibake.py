"""Text that an earlier program read as Windows-1252 although it was UTF-8, and saved so: `CafÃ©`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coffeert.printable import printable

_BYTES = {bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(128, 256)}
"""The byte of each character. The five that Windows-1252 leaves out are read as control characters."""

_RUN = re.compile("[^\x00-\x7f]+")
_FIRST = "".join(char for char, byte in _BYTES.items() if byte >= 0xC2 and byte <= 0xF4)
_NEXT = "".join(char for char, byte in _BYTES.items() if byte < 0xC0)
_SUSPECT = re.compile(f"[{re.escape(_FIRST)}][{re.escape(_NEXT)}]")


def _meant(run: str) -> str | None:
    try:
        return bytes(map(_BYTES.__getitem__, run)).decode()
    except (KeyError, UnicodeDecodeError):
        return None


def repaired(line: str) -> str:
    """The line as it was meant, if all beyond ASCII in it is mangled."""
    if line.isascii():
        return line
    return _RUN.sub(lambda run: _meant(run[0]) or run[0], line).removeprefix("\ufeff")


@dataclass(slots=True)
class MojibakeSurvey:
    """Whether all that is beyond ASCII in a text is mangled. Then repairing it is certain.

    No language has words such as `Ã©` or `â‚¬`, let alone nothing else, and the bytes of the repaired text
    are those that the earlier program read.
    """

    first: tuple[str, str, int] | None = None
    clean: str | None = None

    def see(self, text: str, line: int) -> None:
        """Look through whole lines of the text, the first of which is `line`."""
        suspect = _SUSPECT.search(text)
        if suspect is None or self.clean is not None:
            first = _RUN.search(text) if self.clean is None else None
            self.clean = first[0] if first else self.clean
        else:
            runs = set(_RUN.findall(text))
            self.clean = next((run for run in runs if _meant(run) is None), None)
        if suspect is not None and self.first is None:
            before = re.split(r"[\s,;|]", text[max(0, suspect.start() - 20) : suspect.start()])[-1]
            after = re.split(r"[\s,;|]", text[suspect.start() : suspect.end() + 20])[0]
            mangled = before + after
            self.first = mangled, repaired(mangled), line + text.count("\n", 0, suspect.start())

    def is_certain(self) -> bool:
        return self.first is not None and self.clean is None

    def facts(self) -> tuple[str, ...]:
        """What to tell the owner."""
        if self.first is None:
            return ()
        mangled, meant, line = self.first
        shown = f"`{printable(mangled)}` in line {line}"
        if self.is_certain():
            return (
                f"An earlier program mangled all accents and signs; {shown} is read as `{meant}`.",
            )
        return (
            f"An earlier program mangled some accents or signs ({shown}); they are left as they are.",
        )
