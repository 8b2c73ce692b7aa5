"""M8: files as spreadsheets write them, and what is wrong with them as a whole."""

import csv
import io
from pathlib import Path

import pytest

from models.common.refusals import RefusedError
from models.common.table_files import TOO_MANY_CELLS
from models.myics.batch_files import UNKNOWN_COLUMNS, batch_template, read_batch_file, refused_table
from models.myics.batches import BatchKind
from models.myics.deadlines import MOST_ROWS
from models.myics.forms import read

CLIENTS = "顧問先ID下4桁,顧問先名称\r\n0012,髙橋商店①\r\n0013,みなと屋\r\n"


TABLES = pytest.mark.robustness("tables")


@TABLES
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_every_encoding_of_a_spreadsheet_is_read(encoding: str) -> None:
    file = read_batch_file(CLIENTS.encode(encoding), BatchKind.CLIENTS)
    assert [(row.line, row.values) for row in file.rows] == [
        (2, {"suffix": "0012", "name": "髙橋商店①"}),
        (3, {"suffix": "0013", "name": "みなと屋"}),
    ]


def test_lines_are_counted_as_an_editor_does_and_columns_may_stand_in_any_order() -> None:
    text = '\n顧問先名称,備考,顧問先ID下４桁\n\n"みなと\n商店",,0012\n\nあさひ,,0013,多い\n,,\nゆうひ\nよる,夜勤,0014\n'
    file = read_batch_file(text.encode(), BatchKind.CLIENTS)
    assert [(row.line, row.values, row.refused_because) for row in file.rows] == [
        (4, {"name": "みなと\n商店", "suffix": "0012"}, ""),
        (7, {}, TOO_MANY_CELLS),
        (9, {"name": "ゆうひ"}, ""),
        (
            10,
            {"name": "よる", "suffix": "0014"},
            UNKNOWN_COLUMNS.format(columns="備考", wanted="顧問先ID下4桁、顧問先名称"),
        ),
    ]


REFUSED = [
    (2, {"suffix": "99", "name": "@cosme販売"}, "下 4 桁を入力してください。"),
    (3, {"suffix": "95", "name": "-東京支店-"}, "下 4 桁"),
    (5, {"name": "＝HYPERLINK(1)"}, "=1+1 ではなく"),
    (6, {"suffix": "'=1", "name": " =1+1"}, "「=」"),
    (9, {"name": "\n=1+1"}, "改行"),
    (12, {"name": "'@cosme"}, ""),
    (13, {"name": "'普通の名前"}, ""),
]


@TABLES
def test_refused_rows_are_sent_again_as_they_were() -> None:
    content = refused_table(BatchKind.CLIENTS, REFUSED)
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "＝")) for cell in row)
    file = read_batch_file(content, BatchKind.CLIENTS)
    assert file.headings == ("顧問先ID下4桁", "顧問先名称", "行", "登録できなかった理由")
    assert [row.values for row in file.rows] == [values for _, values, _ in REFUSED]
    assert not any(row.refused_because for row in file.rows)


@TABLES
@pytest.mark.parametrize(
    ("before", "after"), [("", "\x1a"), ("", "\x1a\r\n"), ("\ufeff\ufeff", ""), ("\r\n,,\r\n", "　,　\r\n\x1a\x1a")]
)
def test_what_old_programs_put_around_a_file_is_no_row(before: str, after: str) -> None:
    file = read_batch_file((before + CLIENTS + after).encode(), BatchKind.CLIENTS)
    assert [row.values for row in file.rows] == [
        row.values for row in read_batch_file(CLIENTS.encode(), BatchKind.CLIENTS).rows
    ]


@TABLES
@pytest.mark.parametrize(
    ("delimiter", "encoding"), [("\t", "utf-16"), (";", "utf-8"), ("\t", "cp932"), (",", "iso2022_jp"), (";", "euc_jp")]
)
def test_a_table_is_read_whatever_separates_its_cells(delimiter: str, encoding: str) -> None:
    text = "顧問先ID下4桁,顧問先名称\r0012,高橋商店\r".replace(",", delimiter)
    [row] = read_batch_file(text.encode(encoding), BatchKind.CLIENTS).rows
    assert row.values == {"suffix": "0012", "name": "高橋商店"}


def test_the_client_of_a_user_may_be_omitted() -> None:
    text = "ユーザーアカウント,使用者,ユーザー種別\njiro@example.jp,青葉 次郎,一般\n"
    assert len(read_batch_file(text.encode(), BatchKind.USERS).rows) == 1


@pytest.mark.parametrize("kind", BatchKind)
def test_m8_a_template_is_a_file_whose_rows_are_all_taken(kind: BatchKind) -> None:
    file = read_batch_file(batch_template(kind), kind)
    assert list(file.headings) == list(kind.columns)
    assert len(file.rows) == len(kind.examples) > 1
    for row in file.rows:
        read(kind.form, row.values)


def test_the_example_of_the_documents_is_the_template_for_firms() -> None:
    example = Path(__file__).parents[2] / "docs/examples/myics-firms.csv"
    rows, template = (
        read_batch_file(content, BatchKind.FIRMS).rows
        for content in (example.read_bytes(), batch_template(BatchKind.FIRMS))
    )
    assert rows == template


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空です"),
        (b"\r\n \r\n", "空です"),
        ("顧問先ID下4桁\n0012\n".encode(), "顧問先名称"),
        ("顧問先ID下4桁,顧問先名称\n".encode(), "登録する行がありません"),
        ("顧問先ID下4桁,顧問先名称,顧問先名称\n0012,a,b\n".encode(), "「顧問先名称」が 2 つあります"),
        ("顧問先ID下4桁,顧問先名称,備考,備考\n0012,a,b,c\n".encode(), "「備考」が 2 つあります"),
        ("顧問先ID下4桁,顧問先名称,備\0考\n0012,a,b\n".encode(), "使えない文字（U+0000）"),
        (b"\x80\xff\xfe\x01\xfa", "UTF-8 の文字として読み取れません"),
        ("顧問先ID下4桁,顧問先名称\n".encode("utf-16-le"), "BOM がありません"),
        (b'\x1b$B$"\x1b(B\x1b$', "ISO-2022-JP"),
        ('顧問先ID下4桁,顧問先名称\n0012,"みなと\n0013,港\n'.encode(), '2 行目：引用符（"）が閉じていない'),
        (b"x" * 5_000_001, "大きすぎます"),
        (("顧問先ID下4桁,顧問先名称\n" + "1,a\n" * (MOST_ROWS + 1)).encode(), f"{MOST_ROWS} 行まで"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_change(content: bytes, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_batch_file(content, BatchKind.CLIENTS)
    assert [error.field for error in refused.value.errors] == ["file"]
    assert said in refused.value.errors[0].message
