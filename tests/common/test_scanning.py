"""What looks for personal data finds it, however it is spelled."""

import base64
import json
import quopri
import sqlite3
from email.header import Header
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.scanning import found_in, spellings, sqlite_content

NAME = "蜂須賀 花乃子"
TEXTS = [NAME, "hanako@betsu.example.jp", "しおさい銀行 普通 1234567"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "名"])
def test_a_text_is_found_in_each_spelling_wherever_it_is(text: str, before: str) -> None:
    around = f"{before}{text}様 behind"
    for content in (
        around.encode(),
        around.encode("utf-16-le"),
        around.encode("utf-16-be"),
        json.dumps(around).encode(),
        base64.b64encode(around.encode()),
        base64.urlsafe_b64encode(around.encode()),
        quote(around, safe="").encode(),
        quopri.encodestring(text.encode()).replace(b"=\n", b""),
        Header(text, "utf-8").encode(maxlinelen=0).encode(),
    ):
        assert found_in(b"before " + content, TEXTS) == {text}


def test_nothing_is_found_where_nothing_is() -> None:
    assert found_in(base64.b64encode("何も書かれていません".encode()) * 3, TEXTS) == set()
    assert all(len(spelling) >= 4 for spelling in spellings("弥"))


def test_what_lies_in_a_database_is_found_on_whatever_page(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.execute("create table t (a blob, b text)")
    database.execute("insert into t values (?, ?)", (b"x" * 4090 + NAME.encode() + b"x" * 9000, TEXTS[1]))
    database.commit()
    database.close()
    assert found_in(sqlite_content(tmp_path / "db"), TEXTS) == {NAME, TEXTS[1]}
