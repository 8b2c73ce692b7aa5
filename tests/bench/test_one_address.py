"""One address in front of several servers: a connection ends with its server, and the next goes to one that lives."""

import asyncio

from bench.cluster.one_address import one_address


async def _says(name: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        while block := await reader.read(100):
            writer.write(block)
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def _address(server: asyncio.Server) -> str:
    return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_connections_take_turns_and_go_round_a_server_that_is_away() -> None:
    first, second = await _says(b"1"), await _says(b"2")
    async with one_address([_address(first), _address(second)]) as address:

        async def asked() -> bytes:
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            said = await reader.readexactly(1)
            writer.write(b"echo")
            assert await reader.readexactly(4) == b"echo"
            writer.close()
            return said

        assert {await asked(), await asked()} == {b"1", b"2"}
        first.close()
        assert {await asked(), await asked()} == {b"2"}
    second.close()
