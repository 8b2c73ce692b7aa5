"""The task queues: workflows and steps; mails, whose workers send only so many at once; and what may delete."""


def mails_queue(task_queue: str) -> str:
    """Return the task queue of the mails that belong to the workflows of a task queue."""
    return f"{task_queue}-mails"


def erasing_queue(task_queue: str) -> str:
    """Return the task queue of the worker that alone may delete: it connects to the database as a role of its own."""
    return f"{task_queue}-erasing"
