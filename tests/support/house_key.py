"""What lies in Temporal under the house's key: it belongs to no case, no erasure reaches it, and it is about nobody."""

from collections.abc import Iterable

from temporalio.client import Client

from models.common.encryption import HOUSE, CaseKey, KeyGone
from tests.support.encryption import KEYS_OF_TESTS, decrypt
from tests.support.listening import at_the_port
from workers.codec import CaseCodec, FindsKeys


class HouseKeyAlone(FindsKeys):
    """Finds the house's key and no case's."""

    def __init__(self, keys: FindsKeys) -> None:
        self._keys = keys

    async def find(self, owner: str) -> CaseKey | KeyGone:
        return await self._keys.find(owner) if owner == HOUSE else KeyGone.UNKNOWN


async def read_with_the_house_key(
    client: Client, workflow_ids: Iterable[str], keys: FindsKeys = KEYS_OF_TESTS
) -> bytes:
    """Return the histories and descriptions of these workflows, as who has that key alone reads them."""
    raw, read = at_the_port(client), b""
    codec = CaseCodec(HouseKeyAlone(keys), client.namespace)
    for workflow_id in workflow_ids:
        handle = raw.get_workflow_handle(workflow_id)
        for message in ((await handle.describe()).raw_description, *(await handle.fetch_history()).events):
            await decrypt(message, codec)
            read += message.SerializeToString() + b"\n"
    return read
