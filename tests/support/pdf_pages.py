"""Reading the PDFs that this program makes."""

import base64
import re
import zlib


def pdf_text(content: bytes) -> str:
    """The text of our own PDFs: the characters of each stream, as they are shown in turn."""
    shown = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            plain = zlib.decompress(base64.a85decode(stream.strip(), adobe=stream.strip().startswith(b"<~")))
        except (ValueError, zlib.error):
            try:
                plain = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
            except (ValueError, zlib.error):
                continue
        for text in re.findall(rb"\((.*?)(?<!\\)\) Tj", plain, re.DOTALL):
            raw = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), text)
            raw = re.sub(rb"\\(.)", rb"\1", raw, flags=re.DOTALL)
            shown.append(raw.decode("utf-16-be", "replace"))
    return "".join(shown)
