"""A journal in memory, for tests that only need one, or look at what is journalled."""

from models.common.journal import JournalEntry, Said, next_entry


class MemoryJournal:
    """Keeps its lines for as long as the test lasts."""

    def __init__(self) -> None:
        self.lines: list[JournalEntry] = []

    async def append(self, said: Said, at: str) -> JournalEntry:
        for entry in self.lines:
            if entry.said.request == said.request:
                return entry
        self.lines.append(next_entry(self.lines, said, at))
        return self.lines[-1]

    async def entries(self) -> list[JournalEntry]:
        return self.lines


JOURNAL_OF_TESTS = MemoryJournal()
"""What the databases of tests are wired with."""
