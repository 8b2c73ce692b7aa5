"""`tetsuzuki audit`: exported where the database is, verified where nothing of ours is."""

from pathlib import Path

import pytest

from models.yayoi.procedures import Stage
from tests.support.ending import end
from tests.support.environment import OFFICE_C, Environment, at_rest, form
from tests.support.running_commands import settings_of
from workers.commands import audit, keys
from workers.program import ClearError


async def test_a_case_is_exported_and_verified_with_the_keys_alone(
    environment: Environment, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    settings = settings_of(environment).model_copy(update={"audit_heads_file": tmp_path / "heads.jsonl"})
    file, known, heads = tmp_path / "case.json", tmp_path / "keys.json", tmp_path / "heads.jsonl"
    await audit.sign_heads(settings)
    await audit.export(settings, case.application_no, file, pdf=False)
    capsysbinary.readouterr()
    await audit.export(settings, case.application_no, None, pdf=True)
    assert capsysbinary.readouterr().out.startswith(b"%PDF")
    await keys.export(settings)
    known.write_bytes(capsysbinary.readouterr().out)
    for nights in (None, heads):
        assert await audit.verify(file, known, nights) == 0
        assert capsysbinary.readouterr().out.startswith(f"verified\t{case.application_no}\t".encode())
    frozen, thawed = "スマート取引取込を凍結した", "スマート取引取込を解凍した"
    file.write_text(file.read_text(encoding="utf-8").replace(frozen, thawed, 1), encoding="utf-8")
    assert await audit.verify(file, known, heads) == 1
    said = capsysbinary.readouterr().out.decode()
    assert "WRONG\tpart 1" in said
    assert f"NOT verified: {said.count('WRONG')} wrong\t{case.application_no}" in said
    await end(case.application, case.office())


async def test_what_cannot_be_done_is_said(environment: Environment, tmp_path: Path) -> None:
    settings = settings_of(environment)
    with pytest.raises(ClearError, match="nothing is recorded of a case YS-999999"):
        await audit.export(settings, "YS-999999", None, pdf=False)
    file = tmp_path / "file"
    file.write_text("[{}]")
    with pytest.raises(ClearError, match="holds no public keys"):
        await audit.verify(file, file, None)
    known = tmp_path / "keys"
    known.write_text("[]")
    with pytest.raises(ClearError, match="line 1 is altered"):
        await audit.verify(file, known, file)
    assert await audit.verify(file, known, None) == 1
