"""Finding the encoding of a text by all of it: a file may be plain ASCII for its first ten megabytes.

A byte order mark, UTF-16 by its zero bytes and strict UTF-8 are certain. Anything else is read as
Windows-1252 only if every word makes sense so, which is then said; else the owner is asked.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from coffeert.errors import ConfigError
from coffeert.importer.table.code_pages import implausible_word, readings, words
from coffeert.importer.table.mojibake import MojibakeSurvey, repaired
from coffeert.printable import printable

_CHUNK_BYTES = 1 << 20
_PART_CHARACTERS = 1 << 16
_MAX_LINE_LENGTH = 4 << 20
"""Characters. The longest line is held in memory."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x00")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """How the bytes become text. Lines with `\\ufffd` are damaged if `damaged`."""

    codec: str
    mark_length: int = 0
    damaged: bool = False
    without_nul: bool = False
    mojibake: bool = False
    facts: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    long_line: int | None = None
    """A line that is too long to be held in memory."""

    def parts(self, open_file: Callable[[], BinaryIO]) -> Generator[str, None, None]:
        """The text in parts of moderate size, for what does not come in lines."""
        if self.long_line is None:
            with self.lines(open_file) as lines:
                yield from lines
            return
        with self._text(open_file) as text:
            while part := text.read(_PART_CHARACTERS):
                yield part.replace("\0", "") if self.without_nul else part

    @contextmanager
    def lines(self, open_file: Callable[[], BinaryIO]) -> Iterator[Iterator[str]]:
        """The lines with their ends, which may be CR, LF or both."""
        with self._text(open_file) as text:
            lines: Iterator[str] = text
            if self.without_nul:
                lines = (line.replace("\0", "") for line in text)
            yield map(repaired, lines) if self.mojibake else lines

    def _text(self, open_file: Callable[[], BinaryIO]) -> io.TextIOWrapper:
        file = open_file()
        file.read(self.mark_length)
        errors = "replace" if self.damaged else "strict"
        return io.TextIOWrapper(file, self.codec, errors, newline="")


def text_form(open_file: Callable[[], BinaryIO], name: str, stated: str | None) -> TextForm:
    """Find out how to read a text; `stated` is the encoding that its owner names.

    Raises `ConfigError` if it is binary, if `stated` does not fit, or if the encoding remains unknown.
    """
    with open_file() as file:
        head = file.read(1 << 16)
    mark, marked = next(((m, c) for m, c in _MARKS if head.startswith(m)), (b"", None))
    if stated is not None:
        return _stated_form(open_file, name, stated, mark, marked)
    codec = marked or _codec_by_zeros(head) or "utf-8"
    if not codec.startswith("utf-16") and not codec.startswith("utf-32"):
        _refuse_binary(name, head)
    survey = _survey(open_file, codec, len(mark))
    if survey.undecodable is None:
        return _form(survey, codec, len(mark))
    if codec != "utf-8":
        raise ConfigError(
            f"{name} looks like {codec.upper()} but is not, in line {survey.undecodable.line}: "
            "say its encoding with --encoding, or export it again."
        )
    return _eight_bit_form(open_file, name, len(mark), survey.undecodable)


def _codec_by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: digits, separators and line ends have a zero in each second place."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 5 < len(head) // 2 or min(even, odd) * 20 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _refuse_binary(name: str, head: bytes) -> None:
    zeros = head.count(0)
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    if controls * 100 > len(head) or zeros * 2 > len(head):
        raise ConfigError(f"{name} is not a text: export the sales as CSV or XLSX.")


class _UndecodableError(Exception):
    def __init__(self, line: int, byte: int) -> None:
        super().__init__(line, byte)
        self.line = line
        self.byte = byte


@dataclass(slots=True)
class _Survey:
    undecodable: _UndecodableError | None = None
    nul_line: int | None = None
    long_line: int | None = None
    replaced: int = 0
    foreign: int = 0
    """Characters beyond ASCII."""
    mojibake: MojibakeSurvey = field(default_factory=MojibakeSurvey)


def _survey(
    open_file: Callable[[], BinaryIO], codec: str, skip: int, errors: str = "strict"
) -> _Survey:
    """Decode all of a file."""
    survey = _Survey()
    try:
        for text, line in _whole_lines(open_file, codec, skip, errors):
            if len(text) > _MAX_LINE_LENGTH and not text.endswith("\n"):
                survey.long_line = survey.long_line or line + text.count("\n")
            if survey.nul_line is None and "\0" in text:
                survey.nul_line = line + text.count("\n", 0, text.index("\0"))
            if text.isascii():
                continue
            if errors == "replace":
                survey.replaced += text.count("\ufffd")
                survey.foreign += len(text) - len(text.encode("ascii", "ignore"))
            survey.mojibake.see(text, line)
    except _UndecodableError as error:
        survey.undecodable = error
    return survey


def _whole_lines(
    open_file: Callable[[], BinaryIO], codec: str, skip: int, errors: str
) -> Iterator[tuple[str, int]]:
    """Parts of the text, each of whole lines that end in LF, and the number of its first line.

    A line that is too long comes in several parts.
    """
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(codec)(errors), translate=True
    )
    line, rest = 1, ""
    with open_file() as file:
        file.read(skip)
        more = True
        while more:
            chunk = file.read(_CHUNK_BYTES)
            more = bool(chunk)
            try:
                text = rest + decoder.decode(chunk, final=not more)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(codec, "ignore")
                line += rest.count("\n") + (before.count("\n") or before.count("\r"))
                raise _UndecodableError(line, error.object[error.start]) from error
            end = text.rfind("\n") + 1
            if len(text) - end > _MAX_LINE_LENGTH:
                end = len(text)
            if end:
                yield text[:end], line
                line += text.count("\n")
            rest = text[end:]
    yield rest, line


def _form(survey: _Survey, codec: str, mark_length: int) -> TextForm:
    facts: list[str] = []
    if codec != "utf-8":
        facts.append(f"The text is {codec.upper().removesuffix('-LE').removesuffix('-BE')}.")
    if survey.nul_line is not None:
        facts.append(
            f"NUL characters are left out (the first is in line {survey.nul_line}): "
            "the program that wrote the file may have been interrupted."
        )
    facts.extend(survey.mojibake.facts())
    return TextForm(
        codec=codec,
        mark_length=mark_length,
        without_nul=survey.nul_line is not None,
        long_line=survey.long_line,
        mojibake=survey.mojibake.is_certain(),
        facts=tuple(facts),
    )


def _stated_form(
    open_file: Callable[[], BinaryIO], name: str, stated: str, mark: bytes, marked: str | None
) -> TextForm:
    try:
        codec = codecs.lookup(stated).name
        b"a,1".decode(codec, "ignore")
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"--encoding {printable(stated)} is no encoding known here; "
            "usual ones are utf-8, cp1252, utf-16, cp1250, mac_roman, cp850, shift_jis and gb18030."
        ) from error
    # Python's own "utf-16" takes the mark itself, but not if the mark was skipped.
    skip = 0
    if marked is not None and codec.replace("-sig", "").replace("_", "-") in marked:
        codec, skip = marked, len(mark)
    survey = _survey(open_file, codec, skip)
    if survey.undecodable is not None:
        raise ConfigError(
            f"{name} is not {stated}: line {survey.undecodable.line} has the byte "
            f"{survey.undecodable.byte:#04x}, which has no meaning there; leave --encoding out or "
            "name another one."
        )
    form = _form(survey, codec, skip)
    return TextForm(
        codec=codec,
        mark_length=skip,
        without_nul=form.without_nul,
        long_line=form.long_line,
        mojibake=form.mojibake,
        facts=(f"The text is read as {stated}, as told.", *survey.mojibake.facts()),
        arguments=("--encoding", stated),
    )


def _eight_bit_form(
    open_file: Callable[[], BinaryIO], name: str, mark_length: int, first: _UndecodableError
) -> TextForm:
    replaced = _survey(open_file, "utf-8", mark_length, "replace")
    if replaced.foreign - replaced.replaced > 4 * replaced.replaced:
        return TextForm(
            codec="utf-8",
            mark_length=mark_length,
            damaged=True,
            without_nul=replaced.nul_line is not None,
            long_line=replaced.long_line,
            facts=(
                f"The text is UTF-8, but damaged in {replaced.replaced} places, first in line "
                f"{first.line}; those rows are left out.",
            ),
        )
    examples: list[str] = []
    shown_characters: set[str] = set()
    for found in words(open_file, mark_length):
        text = found.word.decode("cp1252", "replace")
        if implausible_word(text):
            raise ConfigError(_unknown_code_page(name, found.word, found.line()))
        new = {char for char in text if char > "\x7f"} - shown_characters
        if len(examples) < 4 and new:
            shown_characters |= new
            examples.append(f"`{printable(text)}` in line {found.line()}")
    return TextForm(
        codec="cp1252",
        mark_length=mark_length,
        without_nul=replaced.nul_line is not None,
        long_line=replaced.long_line,
        facts=(
            f"The text is read as Windows-1252: {', '.join(examples)}. If that is wrong, say --encoding.",
        ),
        arguments=("--encoding", "cp1252"),
    )


def _unknown_code_page(name: str, word: bytes, line: int) -> str:
    shown = printable(word.decode("cp1252", "replace"))
    proposals = " or ".join(
        f"--encoding {codec} (`{printable(text)}`)" for codec, text in readings(word)
    )
    asked = f"if one of these is right, add it: {proposals}" if proposals else "add --encoding"
    return f"{name} is neither UTF-8 nor Windows-1252, by which line {line} would read `{shown}`; {asked}."
