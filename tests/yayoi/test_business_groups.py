"""What is typed of a business group (Y20)."""

import pytest
from pydantic import TypeAdapter

from models.yayoi.business_groups import Phone


@pytest.mark.parametrize(
    "typed",
    [
        "03-1234-5678",
        "（03）1234-5678",
        "０３・１２３４・５６７８",
        "03.1234.5678",
        "+81-3-1234-5678",
        "\uff0b81 (0)3 1234 5678",
    ],
)
def test_y8_a_phone_number_is_read_however_it_is_written(typed: str) -> None:
    assert TypeAdapter(Phone).validate_python(typed) == "0312345678"
