"""Registering a Yayoi ID (Y26): from the form to the right code, or until it is deleted."""

from temporalio import workflow

from models.yayoi.address_checks import AddressCheck, CheckOutcome
from workflows.common.cancellation import shielded_from_cancellation
from workflows.yayoi.address_check import AddressCheckProcedure


@workflow.defn
class YayoiIdRegistration(AddressCheckProcedure):
    """Mails the code. The page on which it is typed in makes the Yayoi ID and signals this procedure."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, check: AddressCheck) -> CheckOutcome:  # noqa: ARG002 kept by __init__
        await self.mail_codes()
        outcome = await self.close()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome
