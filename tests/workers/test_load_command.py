"""`tetsuzuki load` as people call it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

GOOD = {"record": "yayoi_id", "yayoi_id": "taro@example.jp", "family_name": "弥生", "given_name": "太郎"}
BAD = {"record": "business_group", "administrator": "a-rather-long-name@nobody-has-registered.example.jp", "name": "x"}


def write(folder: Path, *rows: object) -> Path:
    path = folder / "registry.json"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


async def load(database_url: str, file: Path) -> tuple[int, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "load", str(file)),
        env=os.environ | {"TETSUZUKI_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode().splitlines()


async def test_good_rows_end_with_0_every_time(database_url: str, tmp_path: Path) -> None:
    registry = write(tmp_path, GOOD)
    code, output = await load(database_url, registry)
    assert code == 0
    assert output[-1] == "登録 1件、変更なし 0件、登録できなかった行 0件"
    code, output = await load(database_url, registry)
    assert code == 0
    assert output[-1] == "登録 0件、変更なし 1件、登録できなかった行 0件"


@pytest.mark.long
async def test_a_refused_row_is_one_line_and_ends_with_1_after_the_others_are_loaded(
    database_url: str, tmp_path: Path
) -> None:
    code, output = await load(database_url, write(tmp_path, BAD, GOOD))
    assert code == 1
    (refused,) = (line for line in output if line.startswith("1行目: "))
    assert f"弥生ID {BAD['administrator']} が登録されていません。" in refused
    assert refused.endswith("この行より前に書いてください。")
    assert output[-1] == "登録 1件、変更なし 0件、登録できなかった行 1件"


async def test_a_file_that_is_not_there_is_said_so(database_url: str, tmp_path: Path) -> None:
    code, output = await load(database_url, tmp_path / "nothing.json")
    assert code == 2
    assert any("does not exist" in line for line in output)
