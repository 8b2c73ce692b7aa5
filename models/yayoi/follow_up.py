"""What the customer still has to do after the notice, and in which order it may be reported (Y19 to Y21)."""

from dataclasses import dataclass, field

from models.yayoi.messages import Relinked, RememberedLink
from models.yayoi.procedures import SetUpStep

GROUP_EXISTS = (
    "事業グループはすでに作成されているため、記録を取り消せません。"
    "名称などは、お客様が「設定の状況」の画面から訂正できます。"
)


@dataclass
class FollowUp:
    """The set-up steps in their order, and the links that must be made again."""

    steps: tuple[SetUpStep, ...]
    links: tuple[RememberedLink, ...] = ()
    done: list[SetUpStep] = field(default_factory=list)
    relinked: list[Relinked] = field(default_factory=list)
    retracted: bool = False
    """Whether a record was ever taken back."""

    @property
    def begun(self) -> bool:
        """Whether the customer has begun; whoever takes a record back does not undo that, or could end the case alone.

        A cancellation needs two people from then on (Y27).
        """
        return bool(self.done or self.relinked or self.retracted)

    @property
    def open_steps(self) -> list[SetUpStep]:
        return [step for step in self.steps if step not in self.done]

    @property
    def open_links(self) -> list[RememberedLink]:
        made = {link.number for link in self.relinked}
        return [link for link in self.links if link.number not in made]

    @property
    def complete(self) -> bool:
        return not self.open_steps and not self.open_links

    @property
    def open_points(self) -> tuple[str, ...]:
        """What is still open, one line each; the customer reads services by their names."""
        return (
            *(step.label for step in self.open_steps),
            *(f"{link.label}の再連携" for link in self.open_links),
        )

    def also_lost(self, links: tuple[RememberedLink, ...]) -> None:
        """Add links that were made after the others had been remembered (Y14)."""
        known = {link.number for link in self.links}
        self.links += tuple(link for link in links if link.number not in known)

    def record_step(self, step: SetUpStep) -> None:
        """Record a step as done; a second report changes nothing."""
        if step not in self.done:
            self.done.append(step)

    def record_relink(self, relinked: Relinked) -> None:
        """Record a link as made again, or what it covers by a corrected day."""
        self.relinked = [*self._relinked_but(relinked.number), relinked]

    def retract_step(self, step: SetUpStep) -> None:
        """Take back a step that was recorded by mistake; a second time changes nothing."""
        self.done = [each for each in self.done if each is not step]
        self.retracted = True

    def retract_relink(self, number: int) -> None:
        """Take back a re-link that was recorded by mistake."""
        self.relinked = self._relinked_but(number)
        self.retracted = True

    def _relinked_but(self, number: int) -> list[Relinked]:
        return [link for link in self.relinked if link.number != number]

    @property
    def retractable(self) -> SetUpStep | None:
        """The step that can be taken back: the last one, since each needs those before it (Y20).

        A business group exists once it was created: whoever created it corrects what it is called.
        """
        last = self.done[-1] if self.done else None
        return None if last is SetUpStep.BUSINESS_GROUP else last

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

    def refuse_retraction(self, step: SetUpStep) -> str | None:
        """Return why the record of a step cannot be taken back now; None if it can."""
        if step not in self.done:
            return f"{step.label}は、記録されていません。"
        if step is not self.done[-1]:
            return f"後から記録した「{self.done[-1].label}」を、先に取り消してください。"
        return None if step is self.retractable else GROUP_EXISTS

    def refuse_correction(self, number: int) -> str | None:
        """Return why the record of a re-link can be neither corrected nor taken back; None if it can."""
        if any(link.number == number for link in self.relinked):
            return None
        recorded = "、".join(link.label for link in self.relinked) or "なし"
        return f"{self._label(number)}の再連携は、記録されていません。記録された再連携：{recorded}。"

    def refuse_relink(self, number: int) -> str | None:
        """Return why the link cannot be made again now, or None: it must be one that was lost (Y21)."""
        if any(link.number == number for link in self.open_links):
            return None
        if any(link.number == number for link in self.links):
            return f"{self._label(number)}の再連携は、すでに記録されています。"
        remaining = "、".join(link.label for link in self.open_links) or "なし"
        return f"このサービスは、以前の連携にありません。再連携を待っているサービス：{remaining}。"

    def _label(self, number: int) -> str:
        return next((link.label for link in self.links if link.number == number), "このサービス")
