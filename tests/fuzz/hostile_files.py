"""Files that are hostile by their size or depth, and so are made and not kept; small ones are in `corpus/any file`."""

import random
from collections.abc import Mapping

_RANDOM = random.Random(20261104)  # noqa: S311 the same bytes each time

HOSTILE_FILES: Mapping[str, bytes] = {
    "empty": b"",
    "random bytes": _RANDOM.randbytes(4096),
    "random bytes without 0": bytes(each or 1 for each in _RANDOM.randbytes(4096)),
    "a line of more than 1 MB": b"a" * 1_100_000,
    "a cell of more than 1 MB": b'"' + b"a" * 1_100_000 + b'"\r\n1,2',
    "20,000 lists within each other": b"[" * 20_000,
    "20,000 lists within each other, closed": b"[" * 20_000 + b"]" * 20_000,
    "20,000 objects within each other": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "an object with 900 levels": b'{"a":' * 900 + b"1" + b"}" * 900,
    "1,000 columns": b",".join(b"c%d" % each for each in range(1000)) + b"\r\n" + b"," * 999,
    "one heading, 5,000 cells": b"record\r\n" + b"x," * 5000,
    "20,000 empty lines": b"\n" * 20_000,
    "100,000 blanks": b" " * 100_000,
    "20,000 returned lines": b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx\r\n\r\n" + b"<a@b.c>: x\r\n" * 20_000,
    "20,001 quotation marks": b'"' * 20_001,
    "a number of 10,000 digits": b"1" * 10_000,
    "a number of 10,000 digits in JSON": b'{"record": ' + b"1" * 10_000 + b"}",
    "a list of 10,000 nothings": b"[" + b"null," * 9_999 + b"null]",
    "UTF-16 with half of a letter": b"\xff\xfe" + "record\r\n".encode("utf-16-le") + b"\x00\xd8",
    "UTF-16 with a byte too few": "record,x\r\n弥生,1".encode("utf-16")[:-1],
    "UTF-32": "record\r\nyayoi_id".encode("utf-32"),
    "UTF-7": "record\r\n弥生".encode("utf-7"),
    "half of a letter in JSON": b'{"record": "\\ud800"}',
    "half of a letter in UTF-8": b"record\r\n\xed\xa0\x80",
    "three marks of UTF-8": b"\xef\xbb\xbf" * 3 + b"record\r\nx",
    "0 in a cell": b"record\r\nya\0yoi",
    "0x1A in the middle": b"record\r\n\x1ayayoi_id\r\nx",
    "carriage returns alone": b"record\ryayoi_id\rx",
    "an archive": b"PK\3\4" + _RANDOM.randbytes(200),
    "a shell's escapes": b"record\r\n\x1b[31m\x1b]0;x\x07",
    "every byte": bytes(range(256)) * 4,
    "every byte from the end": bytes(range(255, -1, -1)),
}
