"""Matrices of tests: some of the rows are tried each time, the others with the tests that take long."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def mostly_long(rows: Iterable[Any], *, each_time: Collection[Any]) -> list[ParameterSet]:
    """Return the rows of one matrix, marked as taking long but for those that are tried each time.

    Raises `ValueError` for one of these that is no row.
    """
    rows = list(rows)
    if unknown := [row for row in each_time if row not in rows]:
        raise ValueError(f"no rows: {unknown}")
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=[] if row in each_time else [pytest.mark.long])
        for row in rows
    ]
