"""The boards for Grafana, made of the panels; kept as files, from which Grafana reads them."""

import json
from collections.abc import Sequence
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as Chart
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Board
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from monitoring.panels import CASES, TEMPORAL, Panel

FOLDER = Path(__file__).parent / "boards"
_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_WIDTH, _HEIGHT = 12, 8  # of 24 columns


def _board(uid: str, title: str, panels: Sequence[Panel]) -> Board:
    board = (
        Dashboard(title)
        .uid(uid)
        .tags(["tetsuzuki"])
        .timezone("Asia/Tokyo")
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )
    for panel in panels:
        board = board.with_panel(
            Chart()
            .title(panel.title)
            .description(panel.says)
            .unit(panel.unit.value)
            .min(0)
            .span(_WIDTH)
            .height(_HEIGHT)
            .datasource(_SOURCE)
            .with_target(Dataquery().expr(panel.expression).legend_format(panel.legend))
        )
    return board.build()


BOARDS = {
    "temporal": _board("tetsuzuki-temporal", "Tetsuzuki: Temporal", TEMPORAL),
    "cases": _board("tetsuzuki-cases", "Tetsuzuki: cases", CASES),
}


def written(board: Board) -> str:
    """Return a board as its file has it."""
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
