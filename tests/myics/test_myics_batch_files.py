"""M8: files as spreadsheets write them, and what is wrong with them as a whole."""

from pathlib import Path

import pytest

from models.common.identifiers import fold
from models.common.refusals import RefusedError
from models.myics.batch_files import batch_template, read_batch_file
from models.myics.batches import BatchKind
from models.myics.deadlines import MOST_ROWS
from models.myics.forms import read

CLIENTS = "顧問先ID下4桁,顧問先名称\r\n0012,髙橋商店①\r\n0013,みなと屋\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_every_encoding_of_a_spreadsheet_is_read(encoding: str) -> None:
    file = read_batch_file(CLIENTS.encode(encoding), BatchKind.CLIENTS)
    assert [(row.line, row.values) for row in file.rows] == [
        (2, {"suffix": "0012", "name": "髙橋商店①"}),
        (3, {"suffix": "0013", "name": "みなと屋"}),
    ]


def test_lines_are_counted_as_an_editor_does_and_columns_may_stand_in_any_order() -> None:
    text = '\n顧問先名称,備考,顧問先ID下４桁\n\n"みなと\n商店",x,0012\n\nあさひ,,0013,多い\n,,\nゆうひ\n'
    file = read_batch_file(text.encode(), BatchKind.CLIENTS)
    assert [(row.line, row.values) for row in file.rows] == [
        (4, {"name": "みなと\n商店", "suffix": "0012"}),
        (7, {"name": "あさひ", "suffix": "0013"}),
        (9, {"name": "ゆうひ"}),
    ]


def test_the_client_of_a_user_may_be_omitted() -> None:
    text = "ユーザーアカウント,使用者,ユーザー種別\njiro@example.jp,青葉 次郎,一般\n"
    assert len(read_batch_file(text.encode(), BatchKind.USERS).rows) == 1


@pytest.mark.parametrize("kind", BatchKind)
def test_m8_a_template_is_a_file_whose_rows_are_all_taken(kind: BatchKind) -> None:
    file = read_batch_file(batch_template(kind), kind)
    assert list(file.headings) == [fold(heading) for heading in kind.columns]
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
        ("顧問先ID下4桁,顧問先名称,顧問先名称\n0012,a,b\n".encode(), "重なっています"),
        (b"\xff\xfe\x00\x01", "文字コード"),
        ("顧問先ID下4桁,顧問先名称\n".encode("utf-16"), "文字コード"),
        ('顧問先ID下4桁,顧問先名称\n0012,"みなと\n'.encode(), "CSV として"),
        (b"x" * 5_000_001, "大きすぎます"),
        (("顧問先ID下4桁,顧問先名称\n" + "1,a\n" * (MOST_ROWS + 1)).encode(), f"{MOST_ROWS} 行まで"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_change(content: bytes, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_batch_file(content, BatchKind.CLIENTS)
    assert [error.field for error in refused.value.errors] == ["file"]
    assert said in refused.value.errors[0].message
