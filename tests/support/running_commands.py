"""Commands on what a test has: its database and the server that all share."""

from tests.support.environment import Environment
from workers.settings import Settings


def settings_of(environment: Environment) -> Settings:
    """With the addresses that a command is given by its variables."""
    address = environment.client.service_client.config.target_host
    database = environment.sessions.kw["bind"].url.render_as_string(hide_password=False)
    return environment.settings.model_copy(update={"temporal_address": address, "database_url": database})
