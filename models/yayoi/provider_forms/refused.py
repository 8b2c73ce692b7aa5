"""Forms of other systems that could not be taken."""

from models.common.message import Message


class RefusedFormRef(Message):
    """One form that was kept."""

    form_no: int


def refused_form_workflow_id(form_no: int) -> str:
    return f"refused-form/{form_no}"
