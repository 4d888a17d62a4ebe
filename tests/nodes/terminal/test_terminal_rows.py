"""Records that are sent as they are have the package's fields in its order."""

import msgspec
import pytest

from nodes.terminal.fields import FIELDS
from nodes.terminal.records import CheckResult, OrderResult, TradeRequest
from nodes.terminal.service import RequestRow


@pytest.mark.parametrize(
    ("record", "structure", "left_out"),
    [
        (OrderResult, "OrderSendResult", ("retcode_external", "request")),
        (CheckResult, "OrderCheckResult", ("request",)),
        (TradeRequest, "TradeRequest", ()),
        (RequestRow, "TradeRequest", ()),
    ],
)
def test_record_has_the_package_s_fields_in_its_order(
    record: type[msgspec.Struct], structure: str, left_out: tuple[str, ...]
) -> None:
    """Without their units the names are those of the structure; what is left out is added where the row is made."""
    own = [name.removesuffix("_e8").removesuffix("_ns").removesuffix("_s").removesuffix("_points") for name in record.__struct_fields__]
    assert (*own, *left_out) == FIELDS[structure]
