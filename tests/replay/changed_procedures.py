"""What a procedure looks like after a change, for the tests that show what a change does to cases that are open."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.yayoi.messages import OfficeCase, OfficeOutcome
    from workflows.yayoi.office_data_procedure import OfficeDataProcedure
    from workflows.yayoi.office_steps import OfficeSteps

LOOK_BEFORE_LINKS = "look-at-sharing-before-the-links"
"""The patch's name: new with the change, never used again."""


class OneStepMore(OfficeSteps):
    """Looks at the sharing before the links, in every case: those that are open break."""

    async def remember_links(self) -> None:
        await self.look_at_sharing()
        await super().remember_links()


class OneStepMorePatched(OfficeSteps):
    """The same change made safely: cases that began before it go on without the step."""

    async def remember_links(self) -> None:
        if workflow.patched(LOOK_BEFORE_LINKS):
            await self.look_at_sharing()
        await super().remember_links()


class OneStepLess(OfficeSteps):
    """No longer remembers the links."""

    async def remember_links(self) -> None:
        return


@workflow.defn(name="OfficeDataProcedure")
class WithOneStepMore(OfficeDataProcedure):
    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        super().__init__(case)
        self._steps = OneStepMore(self._state, self.view, self._steps._steps)

    @workflow.run
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        return await super().run(case)


@workflow.defn(name="OfficeDataProcedure")
class WithOneStepMorePatched(OfficeDataProcedure):
    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        super().__init__(case)
        self._steps = OneStepMorePatched(self._state, self.view, self._steps._steps)

    @workflow.run
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        return await super().run(case)


@workflow.defn(name="OfficeDataProcedure")
class WithOneStepLess(OfficeDataProcedure):
    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        super().__init__(case)
        self._steps = OneStepLess(self._state, self.view, self._steps._steps)

    @workflow.run
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        return await super().run(case)
