"""Registering a Yayoi ID (Y26): from the form to the right code, or until it is deleted."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.yayoi.address_checks import AddressCheck, CheckOutcome
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.yayoi.address_check import AddressCheckProcedure


@workflow.defn
class YayoiIdRegistration(AddressCheckProcedure):
    """Mails the code. The page on which it is typed in makes the Yayoi ID and signals this procedure."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, check: AddressCheck) -> CheckOutcome:  # noqa: ARG002 kept since the procedure was made
        await self.mail_codes()
        return await self.close()
