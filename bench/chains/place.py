"""Where one process stands in a chain, as the words of its command line say it. Light: every stage imports it."""

from dataclasses import dataclass

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """``index`` 0 is the source, ``hops`` the sink, what is between them relays. ``port``: the first of one a hop, or the server's."""

    variant: str
    index: int
    hops: int
    port: int
    payload_bytes: int
    idle: str

    @property
    def is_source(self) -> bool:
        """Whether it sends only."""
        return self.index == 0

    @property
    def is_sink(self) -> bool:
        """Whether it receives only."""
        return self.index == self.hops

    @property
    def port_in(self) -> int:
        """The port of the hop that ends here, where each hop has one."""
        return self.port + self.index - 1

    @property
    def port_out(self) -> int:
        """The port of the hop that begins here, where each hop has one."""
        return self.port + self.index

    @property
    def topic_in(self) -> str:
        """The subject or channel of the hop that ends here."""
        return f"hop.{self.index - 1}"

    @property
    def topic_out(self) -> str:
        """The subject or channel of the hop that begins here."""
        return f"hop.{self.index}"

    def words(self) -> list[str]:
        """The command line's."""
        return [self.variant, *map(str, (self.index, self.hops, self.port, self.payload_bytes)), self.idle]

    @classmethod
    def of_words(cls, words: list[str]) -> "Place":
        """What ``words`` gave."""
        variant, index, hops, port, payload_bytes, idle = words
        return cls(variant, int(index), int(hops), int(port), int(payload_bytes), idle)
