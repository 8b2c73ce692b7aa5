"""Versions of the code, and which of them a case follows."""

import shutil
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.client import WorkflowHandle

from workers.build_id import PACKAGES


async def follows(handle: WorkflowHandle[Any, Any], build_id: str) -> bool:
    """Whether the workflow follows the current build, and that one did its last step."""
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    follows = info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
    return follows and info.deployment_version.build_id == build_id


def copied_code(into: Path) -> list[Path]:
    """Copy the packages of the program, to be changed and run as another build; returns each copy's folder."""
    return [shutil.copytree(Path(__file__).parents[2] / package, into / package) for package in PACKAGES]
