"""An account's list of lost orders in parts that fit into a frame, whoever tells it: its local, or the master what it believes."""

from mesh.messages.control import REASON_MAX, LostOrder, LostOrders

PART_COUNT = 16
"""Orders of one part."""
WORDS_MAX = 2 * REASON_MAX
"""Characters of an order's detail: an operator's whole reason fits with what else is said, and a part into a frame."""


def parts_of(command_id: bytes, node: str, account: str, market_ns: int, orders: list[LostOrder]) -> list[LostOrders]:
    """The parts of an account's list; one empty part where there is nothing on it."""
    pages = [orders[start : start + PART_COUNT] for start in range(0, len(orders), PART_COUNT)] or [[]]
    return [LostOrders(command_id, node, account, market_ns, index, len(pages), page) for index, page in enumerate(pages)]
