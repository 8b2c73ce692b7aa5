"""How parts are put together: activities, workflows and clients."""
