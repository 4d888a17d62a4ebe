"""What indicators were told: up to where the ticks are released, and which of these words they have not answered."""

from mesh.messages.market import Block


class Releases:
    """``block``: the newest word to indicators."""

    def __init__(self) -> None:
        self.block = Block(0, 0, 0)
        self._unanswered: list[int] = []

    def add(self, block: Block, is_awaited: bool = True) -> bool:
        """Take a block as the next word to indicators; False where they were told of its place before."""
        told = self.block
        if (told.through_seq, told.end_ns, told.final) == (block.through_seq, block.end_ns, block.final):
            return False
        self.block = block
        if is_awaited:
            self._unanswered.append(block.number)
        return True

    def unanswered_count(self, answered: int) -> int:
        """How many words are without an answer, ``answered`` being the newest that has one from everybody."""
        self._unanswered = [number for number in self._unanswered if number > answered]
        return len(self._unanswered)
