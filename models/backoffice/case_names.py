"""What a case's texts call by numbers and handles, by its own name: its workflow knows no other, the desk does."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.common.operators_by_name import by_name
from models.common.possible_operations import CaseNow
from models.yayoi.service_links import ServiceNames


@dataclass(frozen=True)
class CaseNames:
    """The services of a case, and the operators by their handles."""

    services: ServiceNames = field(default_factory=ServiceNames)
    operators: Mapping[str, str] = field(default_factory=dict)

    def named(self, text: str) -> str:
        """Return the text with what it speaks of by its own name."""
        return by_name(self.services.named(text), self.operators)

    def of(self, now: CaseNow) -> CaseNow:
        """Return what an operator reads of a case on the desk."""
        possible = [
            each.model_copy(
                update={
                    "choices": tuple(
                        choice.model_copy(update={"label": self.named(choice.label)}) for choice in each.choices
                    )
                }
            )
            for each in now.possible
        ]
        timeline = [entry.model_copy(update={"text": self.named(entry.text)}) for entry in now.timeline]
        next_step = self.named(now.next_step)
        return now.model_copy(update={"possible": tuple(possible), "timeline": tuple(timeline), "next_step": next_step})
