"""What a procedure looks like after a change, for the tests that show what a change does to cases that are open."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.yayoi.messages import OfficeCase, OfficeOutcome
    from workflows.yayoi.office_data_procedure import OfficeDataProcedure
    from workflows.yayoi.office_steps import OfficeSteps

LOOK_BEFORE_FREEZE = "look-at-sharing-before-the-freeze"
"""The patch's name: new with the change, never used again."""


class OneStepMore(OfficeSteps):
    """Looks at the sharing before the freeze, in every case: those that are open break."""

    async def freeze_smart_import(self) -> None:
        await self.look_at_sharing()
        await super().freeze_smart_import()


class OneStepMorePatched(OfficeSteps):
    """The same change made safely: cases that began before it go on without the step."""

    async def freeze_smart_import(self) -> None:
        if workflow.patched(LOOK_BEFORE_FREEZE):
            await self.look_at_sharing()
        await super().freeze_smart_import()


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
