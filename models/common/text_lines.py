"""Lines of a text file that somebody saved somewhere: whatever program wrote it, each line is read or refused.

A file may be far larger than memory: it is read twice, first to find its encoding, then line by line.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple

LONGEST_LINE = 1_000_000
"""Characters of one line."""
TOO_LONG = f"1 行が長すぎます（{LONGEST_LINE:,} 文字まで）。1 行に 1 件を書いてください。"
NOT_UTF_8 = "UTF-8 の文字として読み取れません。文字化けがないかを確認し、ファイルを UTF-8 で保存し直してください。"
UNKNOWN_ENCODING = "文字コードを読み取れません。ファイルを UTF-8 か Shift_JIS で保存し直してください。"
TWO_ENCODINGS = (
    "文字コードが Shift_JIS か EUC-JP かを判別できません。取り違えると名前が別の文字になるため、"
    "ファイルを UTF-8 で保存し直してください。"
)
BROKEN_JIS = "文字コードが ISO-2022-JP（JIS）のようですが、読み取れません。ファイルを UTF-8 で保存し直してください。"
WITHOUT_MARK = "文字コードが UTF-16 のようですが、先頭に BOM がありません。ファイルを UTF-8 で保存し直してください。"

NOT_TEXT = (
    "表計算ソフトや PDF、圧縮、画像などのファイルそのもので、文字だけのファイルではありません。"
    "表計算ソフトで、ファイルの種類に「CSV」を選んで保存し直してください。"
)

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # which begins as that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXTS = (
    *(b"PK\3\4", b"\xd0\xcf\x11\xe0", b"%PDF-"),
    *(b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!\x1a", b"\x89PNG", b"\xff\xd8\xff", b"GIF8"),
)
"""With what the files of spreadsheets, new and old, and PDF begin; and archives and pictures."""
_BOM = "\ufeff"
_LEGACY = ("cp932", "euc_jp")
_JIS = "iso2022_jp_ext"
_ESCAPES = re.compile(rb"\x1b[$(]")
_CHUNK = 1 << 16
_NOT_DECODED = re.compile("[\udc80-\udcff]")
_NO_LETTERS = re.compile("[\x80\uf8f0-\uf8f3]")
"""What Python makes of the bytes that Shift_JIS has no letters for."""
_END_OF_FILE = re.compile("\x1a+\\Z")
"""How programs of CP/M and DOS end a text."""


class UnreadableFileError(ValueError):
    """A file that cannot be read as a whole; the text says why in Japanese, and what to do."""


class TextLine(NamedTuple):
    """One line with its end, or a piece of a very long one."""

    number: int
    """Counted from 1."""
    text: str
    whole: bool = True
    """False: another piece of the line follows."""
    wrong: str = ""
    """Why it cannot be read, in Japanese; the other lines can."""


def read_lines(file: BinaryIO, fits: Callable[[str], bool] = lambda _line: True) -> Iterator[TextLine]:
    """Yield the lines of a file. It ends a line as Windows, Unix or the first Macs do.

    UTF-8 and UTF-16 are known by their marks or by what they hold, ISO-2022-JP by its escapes. Of Shift_JIS and EUC-JP
    the one counts whose first line `fits`. A line of a UTF-8 file that is none is refused by itself.

    Raises:
        UnreadableFileError: no encoding fits, or two do.
        OSError: the file cannot be read.

    """
    encoding = _encoding(file, fits)
    file.seek(0)
    text = TextIOWrapper(file, encoding, errors="surrogateescape" if encoding == "utf-8" else "strict", newline="")
    try:
        number, line = 1, text.readline(LONGEST_LINE).lstrip(_BOM)
        while line:
            following = text.readline(LONGEST_LINE)
            whole = not following or line.endswith(("\r", "\n"))
            read = line if following else _END_OF_FILE.sub("", line)
            yield TextLine(number, read, whole, NOT_UTF_8 if _NOT_DECODED.search(line) else "")
            number, line = number + whole, following
    finally:
        with suppress(ValueError):  # whoever stops reading may have closed the file before
            text.detach()


def _encoding(file: BinaryIO, fits: Callable[[str], bool]) -> str:
    head = file.read(_CHUNK)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding if encoding == "utf-8" else _whole(file, encoding, UNKNOWN_ENCODING)
    if head.startswith(_NO_TEXTS):
        raise UnreadableFileError(NOT_TEXT)
    if head.count(0) * 8 > len(head):
        raise UnreadableFileError(WITHOUT_MARK)
    file.seek(0)
    found = _Findings()
    while raw := file.readline(_CHUNK):
        found.look_at(raw)
    if found.escapes and not found.utf_8 and not found.other:
        return _whole(file, _JIS, BROKEN_JIS)
    if found.utf_8 >= found.other:
        return "utf-8"
    possible = [encoding for encoding in _LEGACY if _decodes(file, encoding)]
    fitting = [encoding for encoding in possible if fits(_first_line(file, encoding))] or possible
    if len(fitting) > 1:
        raise UnreadableFileError(TWO_ENCODINGS)
    return fitting[0] if fitting else "utf-8"  # the lines that are none say so


class _Findings:
    """Lines by what they can be: most of a file decide, so that a broken one does not."""

    def __init__(self) -> None:
        self.utf_8 = self.other = 0
        self.escapes = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._broken = self._beyond_ascii = False

    def look_at(self, raw: bytes) -> None:
        """Look at a line, or at the next piece of a long one."""
        ends = raw.endswith(b"\n") or len(raw) < _CHUNK
        if raw.isascii():
            self.escapes = self.escapes or bool(_ESCAPES.search(raw))
        self._beyond_ascii = self._beyond_ascii or not raw.isascii()
        try:
            self._decoder.decode(raw, final=ends)
        except UnicodeDecodeError:
            self._broken = True
            self._decoder.reset()
        if ends and self._beyond_ascii:
            self.other += self._broken
            self.utf_8 += not self._broken
        if ends:
            self._broken = self._beyond_ascii = False
            self._decoder.reset()


def _whole(file: BinaryIO, encoding: str, otherwise: str) -> str:
    if not _decodes(file, encoding):
        raise UnreadableFileError(otherwise)
    return encoding


def _decodes(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK):
            if _NO_LETTERS.search(decoder.decode(chunk)):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _first_line(file: BinaryIO, encoding: str) -> str:
    """Return the first line that is not blank."""
    file.seek(0)
    text = TextIOWrapper(file, encoding, newline="")
    try:
        while (line := text.readline(LONGEST_LINE)) and not line.strip():
            pass
        return line
    finally:
        text.detach()
