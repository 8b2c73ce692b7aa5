"""What operators see in the browser beside the Temporal Web UI."""

from web.backoffice import operators
from web.backoffice.operators import OperatorsWebUi
from web.common.context import WebPackage


def backoffice(web_ui: OperatorsWebUi) -> WebPackage:
    return WebPackage(routers=(operators.router,), services=(web_ui,))
