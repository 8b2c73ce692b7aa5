"""Where a case is, with its services by their own names: its workflow knows them by numbers."""

from models.common.possible_operations import CaseNow
from models.yayoi.service_links import ServiceNames


def with_service_names(now: CaseNow, names: ServiceNames) -> CaseNow:
    """Return what an operator reads of a case on the desk."""
    possible = [
        each.model_copy(
            update={
                "choices": tuple(
                    choice.model_copy(update={"label": names.named(choice.label)}) for choice in each.choices
                )
            }
        )
        for each in now.possible
    ]
    timeline = [entry.model_copy(update={"text": names.named(entry.text)}) for entry in now.timeline]
    return now.model_copy(update={"possible": tuple(possible), "timeline": tuple(timeline)})
