"""The task queues: one for workflows and steps, and one for mails, whose workers send only so many at once."""


def mails_queue(task_queue: str) -> str:
    """Return the task queue of the mails that belong to the workflows of a task queue."""
    return f"{task_queue}-mails"
