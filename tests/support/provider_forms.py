"""Forms as the provider of the documentation's example sends them."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.common.refusals import RefusedError
from models.tables import RefusedFormRow
from models.yayoi.store.intake import Intake
from models.yayoi.store.provider_forms import ProviderForms
from tests.support.environment import OFFICE_B, Environment
from tests.support.web import (
    NETWORK,
    TOKEN_B,
)
from workers.wiring.derived import read_mapping

EXAMPLE = read_mapping(Path(__file__).parents[2] / "docs/examples/form-mapping.toml")


def answers(**changes: Any) -> dict[str, Any]:
    """A form as the provider of the documentation's example sends it."""
    said = {
        "お客様番号": NETWORK,
        "姓": "弥生",
        "名": "太郎",
        "会計連携": "はい",
        "製品": "弥生会計 24 ネットワーク",
        "確認事項": [
            "手続きが終わるまでスマート取引取込を使いません",
            "連携サービスの再連携が必要なことを確認しました",
        ],
    } | changes
    offices = said.pop("offices", [{"mail": "b@example.co.jp", "mail_again": "b@example.co.jp", "token": TOKEN_B}])
    return {
        "event": "form.completed",
        "data": {
            "response_id": f"response-{uuid4()}",
            "answers": [{"label": label, "value": value} for label, value in said.items()],
            "offices": offices,
        },
    }


async def refuse(environment: Environment) -> RefusedFormRow:
    """Send a form with a name that is not full-width."""
    mail, token = OFFICE_B
    form = answers(姓="Yayoi", offices=[{"mail": mail, "mail_again": mail, "token": token}])
    forms = ProviderForms(environment.sessions, Intake(environment.sessions, environment.calendar), EXAMPLE)
    with pytest.raises(RefusedError):
        await forms.take("evt_1", json.dumps(form))
    row: RefusedFormRow
    [row] = await environment.rows(select(RefusedFormRow))
    return row
