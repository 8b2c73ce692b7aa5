"""The procedures, one file each: `run` shows what happens when."""
