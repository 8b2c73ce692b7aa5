"""What puts right an operation that was done by mistake: shown with its result, where the case's rules allow it now."""

from collections.abc import Mapping

from models.common.operations import Operation
from models.myics.batch_operations import BatchOperation
from models.myics.operations import RegistrationOperation
from models.yayoi.operator_actions import Action

CORRECTED_BY: Mapping[str, tuple[Operation, ...]] = {
    Action.CORRECT_PAIR: (Action.CORRECT_PAIR,),
    Action.CORRECT_NAMES: (Action.CORRECT_NAMES,),
    Action.EXTEND_DEADLINE: (Action.EXTEND_DEADLINE,),
    Action.REPORT_SET_UP_STEP: (Action.RETRACT_SET_UP_STEP,),
    Action.REPORT_RELINK: (Action.CORRECT_RELINK, Action.RETRACT_RELINK),
    Action.CORRECT_RELINK: (Action.CORRECT_RELINK, Action.RETRACT_RELINK),
    Action.RETRACT_SET_UP_STEP: (Action.REPORT_SET_UP_STEP,),
    Action.RETRACT_RELINK: (Action.REPORT_RELINK,),
    Action.HAND_OVER: (Action.HAND_OVER,),
    Action.HOLD: (Action.RESUME,),
    Action.ASK_CANCEL: (Action.RETRACT_REQUEST,),
    Action.RESUME: (Action.HOLD, BatchOperation.STOP),
    RegistrationOperation.CORRECT_ADDRESS: (RegistrationOperation.CORRECT_ADDRESS,),
    BatchOperation.STOP: (BatchOperation.RESUME,),
}
"""By the operation; those of one name do the same in every procedure. What is not here cannot be taken back."""
