"""What the customer still has to do after the notice, and in which order it may be reported (Y19 to Y21)."""

from dataclasses import dataclass, field

from models.yayoi.messages import Relinked, RememberedLink
from models.yayoi.procedures import SetUpStep
from models.yayoi.service_links import LinkKind


@dataclass
class FollowUp:
    """The set-up steps in their order, and the links that must be made again."""

    steps: tuple[SetUpStep, ...]
    links: tuple[RememberedLink, ...] = ()
    done: list[SetUpStep] = field(default_factory=list)
    relinked: list[Relinked] = field(default_factory=list)

    @property
    def open_steps(self) -> list[SetUpStep]:
        return [step for step in self.steps if step not in self.done]

    @property
    def open_links(self) -> list[RememberedLink]:
        made = {(link.kind, link.service) for link in self.relinked}
        return [link for link in self.links if (link.kind, link.service) not in made]

    @property
    def complete(self) -> bool:
        return not self.open_steps and not self.open_links

    @property
    def open_points(self) -> tuple[str, ...]:
        """What is still open, one line each, as the customer reads it."""
        return (
            *(step.label for step in self.open_steps),
            *(f"{link.kind.label}「{link.service}」の再連携" for link in self.open_links),
        )

    def also_lost(self, links: tuple[RememberedLink, ...]) -> None:
        """Add links that were made after the others had been remembered (Y14)."""
        known = {(link.kind, link.service) for link in self.links}
        self.links += tuple(link for link in links if (link.kind, link.service) not in known)

    def record_step(self, step: SetUpStep) -> None:
        """Record a step as done; a second report changes nothing."""
        if step not in self.done:
            self.done.append(step)

    def record_relink(self, relinked: Relinked) -> None:
        """Record a link as made again; a second report changes nothing."""
        if relinked not in self.relinked:
            self.relinked.append(relinked)

    def refuse_step(self, step: SetUpStep) -> str | None:
        """Return why the step cannot be done now, or None: STEP6 has an order, and each step is done once (Y20)."""
        if step not in self.steps:
            return f"{step.label}は、ネットワーク製品だけの手続きです。このお申し込みでは不要です。"
        if step in self.done:
            return f"{step.label}は、すでに記録されています。"
        following = self.open_steps[0]
        if step is not following:
            return f"順番が違います。先に「{following.label}」が必要です。"
        return None

    def refuse_relink(self, kind: LinkKind, service: str) -> str | None:
        """Return why the link cannot be made again now, or None: it must be one that was lost (Y21)."""
        if any((link.kind, link.service) == (kind, service) for link in self.open_links):
            return None
        if any((link.kind, link.service) == (kind, service) for link in self.links):
            return f"{kind.label}「{service}」の再連携は、すでに記録されています。"
        remaining = "、".join(f"{link.kind.label}「{link.service}」" for link in self.open_links) or "なし"
        return f"{kind.label}「{service}」は、以前の連携にありません。再連携を待っているサービス：{remaining}。"
