"""Tables and lists as files: whatever is written is read as it was, whatever is read is a row or a reason."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.common.json_rows import read_objects
from models.common.names import UNUSABLE, shows_nothing
from models.common.table_files import (
    NO_HEADING,
    NOT_CSV,
    TOO_MANY_CELLS,
    as_it_was,
    disarmed,
    read_table,
    write_table,
)
from models.common.text_lines import (
    BROKEN_JIS,
    LONGEST_LINE,
    NOT_TEXT,
    TOO_LONG,
    TWO_ENCODINGS,
    UNKNOWN_ENCODING,
    WITHOUT_MARK,
    UnreadableFileError,
    read_lines,
)

TABLES = pytest.mark.robustness("tables")
FORMULAS = pytest.mark.robustness("formulas")
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.text(
    "'=+-@＝＋－＠ 　\t\r\n\",;\x1a\ufeff弥", max_size=6
)


def written(*rows: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what is read of rows that were written with these two headings."""
    table = read_table(io.BytesIO(write_table(["record", "name"], rows)), ["record", "name"])
    assert table.headings == ("record", "name")
    read = list(table.rows)
    assert not any(row.wrong for row in read)
    return [(row.values.get("record", ""), row.values.get("name", "")) for row in read]


@FORMULAS
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
@example([("'=1", "''-x"), ("'@cosme", "@cosme"), ("\r=", "'\n")])
def test_a_round_trip_is_the_identity(rows: list[tuple[str, str]]) -> None:
    # A cell, and a row, that shows nothing is none.
    shown = [tuple("" if shows_nothing(cell.replace("\x1a", "")) else cell for cell in row) for row in rows]
    read = [tuple("" if shows_nothing(cell.replace("\x1a", "")) else cell for cell in row) for row in written(*rows)]
    assert read == [row for row in shown if any(row)]


@FORMULAS
@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+81-3",
        "-東京支店-",
        "@cosme",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "　＝1",
        "＋1",
        "－1",
        "＠1",
        "\u200b=1",
        "\ufeff-1",
    ],
)
def test_what_a_spreadsheet_would_run_is_disarmed_and_comes_back(cell: str) -> None:
    assert disarmed(cell) == f"'{cell}"
    assert as_it_was(disarmed(cell)) == cell
    assert as_it_was(disarmed(disarmed(cell))) == disarmed(cell)
    assert as_it_was(cell) == cell


@FORMULAS
@pytest.mark.parametrize("cell", ["'普通", "弥生", "a=b", "1-2", "'", "", "0012", "3－4", "'12"])
def test_what_no_spreadsheet_runs_stays_as_it_is(cell: str) -> None:
    assert disarmed(cell) == as_it_was(cell) == cell


@TABLES
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.text('弥生山田太郎ｱｲ,"\n', min_size=1)), max_size=5),
    st.sampled_from(["utf-8", "utf-16", "utf-16-be-sig", "utf-32", "cp932", "iso2022_jp_ext"]),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_a_table_says_the_same_in_every_encoding(rows: list[tuple[str, str]], encoding: str, end: str) -> None:
    filled = [row for row in rows if row[1].strip()]
    lines = ["記録,名前", *(f'{kind},"{name.replace(chr(34), chr(34) * 2)}"' for kind, name in filled)]
    text = "".join(line + end for line in lines)
    content = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-sig" else text.encode(encoding)
    table = read_table(io.BytesIO(content), ["記録", "名前"])
    assert [(row.values["記録"], row.values["名前"]) for row in table.rows] == filled


@TABLES
@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a,b\nｱｲ,ｳｴ".encode("cp932"), TWO_ENCODINGS),
        ("a\n".encode("utf-16-le"), WITHOUT_MARK),
        (b"PK\3\4", NOT_TEXT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", NOT_TEXT),
        (b"\x1f\x8b\x08\0\0\0\0\0", NOT_TEXT),
        (b"\x89PNG\r\n\x1a\n", NOT_TEXT),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", NOT_TEXT),
        (b"7z\xbc\xaf\x27\x1c", NOT_TEXT),
        (b"\xff\xfea", UNKNOWN_ENCODING),
        (b"\xff\xfe\0\0a\0\0", UNKNOWN_ENCODING),
        (b"\0\0\xfe\xff\0\x11\0\0", UNKNOWN_ENCODING),
        (b"a\x1b$B\x21", BROKEN_JIS),
    ],
)
def test_a_file_that_cannot_be_read_says_its_cause(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableFileError, match=why.split("（", maxsplit=1)[0]):
        list(read_lines(io.BytesIO(content)))


@TABLES
@given(st.binary(max_size=60))
def test_any_bytes_are_lines_or_a_reason(content: bytes) -> None:
    try:
        lines = list(read_lines(io.BytesIO(content)))
    except UnreadableFileError:
        return
    assert [line.number for line in lines] == [*range(1, len(lines) + 1)]


def objects(content: str | bytes) -> list[tuple[int, Any]]:
    raw = content.encode() if isinstance(content, str) else content
    return [(row.line, row.wrong or row.values) for row in read_objects(read_lines(io.BytesIO(raw)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text('ab"\\\n{}[],: 弥', max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text('a"{', max_size=2), inner, max_size=2),
    max_leaves=6,
)


@TABLES
@given(
    st.lists(st.dictionaries(st.text("ab{}", max_size=3), JSON, max_size=3), max_size=4), st.sampled_from([None, 0, 2])
)
def test_a_list_is_read_however_it_is_laid_out(rows: list[dict[str, Any]], indent: int | None) -> None:
    assert [values for _, values in objects(json.dumps(rows, ensure_ascii=False, indent=indent))] == rows
    lines = objects("\n".join(json.dumps(row) for row in rows))
    assert lines == [*enumerate(rows, start=1)]


@TABLES
@given(st.text('{}[]",:a\\\n ', max_size=40), st.integers(0, 3))
def test_any_text_is_objects_or_reasons_and_what_follows_is_read(text: str, indent: int) -> None:
    rows = objects(f'{text}\n{" " * indent}{{"last": 1}}\n')
    assert [line for line, _ in rows] == sorted(line for line, _ in rows)
    inside = text.rstrip().endswith((":", "[", ","))  # the last may be a value of one that is not ended
    assert inside or rows[-1][1] == {"last": 1}


@TABLES
def test_an_object_after_a_broken_one_is_read() -> None:
    broken = ['{"a": "x', '{"a": 1', '{"a": 1]', '{"a": [1}', "nonsense", '{"a" 1}', '"a": 1}', '{"a": \udcff1}']
    for text in broken:
        rows = objects(f'[{{"b": 0}},\n{text}\n{{"c": 1}}\n]'.encode(errors="surrogateescape"))
        assert [line for line, _ in rows] == [1, 2, 3], text
        assert (rows[0][1], rows[2][1]) == ({"b": 0}, {"c": 1}), text


@TABLES
def test_a_list_on_one_very_long_line_is_read_and_an_object_that_is_too_long_refused() -> None:
    rows = [{"name": "弥生" * 20_000, "n": number} for number in range(40)]
    assert [values for _, values in objects(json.dumps(rows, ensure_ascii=False))] == rows
    text = "x" * (2 * LONGEST_LINE + 10)
    assert objects(f'{{"a": "{text}"}}\n{{"b": 1}}') == [(1, TOO_LONG), (2, {"b": 1})]
    assert objects(f"{text}\n1") == [(1, TOO_LONG)]


@TABLES
@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("sep=,\r\nrecord,name\r\na,b", {"record": "a", "name": "b"}),
        ("\ufeffSEP=;\nrecord;name\na;b,c", {"record": "a", "name": "b,c"}),
        ('\r\rrecord\tname\ra\t"b\rc"', {"record": "a", "name": "b\rc"}),
        ('record,name\na,="0012"', {"record": "a", "name": '="0012"'}),
        ("Ｒｅｃｏｒｄ,\ufeff na me \na,\x1ab", {"record": "a", "name": "\x1ab"}),
        ("record,name\n\x1a\na,b\u2028\x0b\x85c\n\x1a", {"record": "a", "name": "b\u2028\x0b\x85c"}),
        ("record,name,,\na,b, ,　\n", {"record": "a", "name": "b"}),
    ],
)
def test_what_programs_put_into_a_file_is_no_part_of_a_row(content: str, row: dict[str, str]) -> None:
    table = read_table(io.BytesIO(content.encode()), ["record", "name"])
    assert [(dict(each.values), each.wrong) for each in table.rows] == [(row, "")]


@TABLES
@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("record,name\na,b,,c\nd", TOO_MANY_CELLS),
        ('record,name\n"a"x,b\nd', NOT_CSV),
        (f"record,name\na,{'x' * 140_000}\nd", NOT_CSV),
        (f"record,name\na,{'x' * 1_100_000}\nd", TOO_LONG),
        ("record,name\na,b\0\nd", UNUSABLE.format(code="U+0000")),
        ("record,name,\na,b,c\nd", NO_HEADING.format(cell="c")),
    ],
    ids=["more cells", "after a quotation mark", "a long cell", "a long line", "NUL", "no heading"],
)
def test_a_row_that_cannot_be_read_is_refused_by_itself(content: str, why: str) -> None:
    table = read_table(io.BytesIO(content.encode()), ["record", "name"])
    assert [(row.line, row.wrong) for row in table.rows] == [(2, why), (3, "")]


@TABLES
@pytest.mark.parametrize(
    "broken",
    [
        *('{"a": NaN}', '{"a": -Infinity}', '{"a": 01}', '{"a": +1}', '{"a": 1.}', '{"a": 0x1}', "{'a': 1}", "{a: 1}"),
        *('{"a": 1,}', '{"a": "x\ty"}', f'{{"a": {"9" * 5000}}}', '{"a": tru}', "// a\n", "/* a */"),
        *('{"a": 1, "a": 2}', '{"b": {"\\u0061": 1, "a": 2}}', '{"a": 1};'),
    ],
)
def test_what_looks_like_an_object_and_is_none_is_refused_and_the_next_is_read(broken: str) -> None:
    rows = objects(f'{broken}\n{{"last": 1}}')
    assert rows[-1][1] == {"last": 1}
    assert any(isinstance(said, str) for _, said in rows[:-1])
