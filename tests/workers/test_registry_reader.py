"""Reading a registry file: whatever is in it, every row is a record or a reason, and names its line."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.yayoi.identifiers import ContractId, YayoiId
from workers.registry.reader import Row, read_rows
from workers.registry.records import ContractRecord

CELLS = st.text(alphabet='ab,"\n\r\0{}[]:0１＠\ud800 　\ufeff', max_size=12)


def rows_of(content: bytes, suffix: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"registry{suffix}"
        path.write_bytes(content)
        return list(read_rows(path))


def check(rows: list[Row], content: bytes) -> None:
    lines = [row.line for row in rows]
    assert lines == sorted(lines)
    assert all(1 <= line <= content.count(b"\n") + content.count(b"\r") + 1 for line in lines)
    assert all((row.record is None) == bool(row.refused_because) for row in rows)
    assert all(row.bytes_read <= len(content) for row in rows)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read(suffix: str, content: bytes) -> None:
    check(rows_of(content, suffix), content)


@given(cells=st.lists(CELLS, max_size=20))
def test_any_cells_are_read(cells: list[str]) -> None:
    content = ("record,contract_id\n" + ",".join(cells)).encode(errors="surrogatepass")
    check(rows_of(content, ".csv"), content)


@given(st.dictionaries(st.sampled_from(["record", "contract_id", "note", "office_token"]), st.text() | st.integers()))
def test_any_object_is_read(row: dict[str, str | int]) -> None:
    content = json.dumps(row).encode()
    check(rows_of(content, ".json"), content)


@given(
    name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=50),
    network=st.booleans(),
    before=st.integers(0, 3),
)
def test_a_good_row_is_read_as_it_was_written(name: str, network: bool, before: int) -> None:
    row = {
        "record": "contract",
        "contract_id": "8871304",
        "customer_name": name,
        "mail_address": "taro+yayoi@example.jp",
        "product_name": "弥生会計 24 ネットワーク",
        "network_product": network,
    }
    (read,) = rows_of(("\n" * before + json.dumps(row)).encode(), ".jsonl")
    assert read.line == before + 1
    assert isinstance(read.record, ContractRecord)
    assert read.record.contract_id == ContractId("8871304")
    assert read.record.mail_address == YayoiId("taro+yayoi@example.jp")
    assert read.record.network_product is network
