"""What is to go wrong at a simulated terminal: one rule of a configuration, or of a ``sim.toml``."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from mesh.section import Section

Kind = Literal[
    "lose_request", "lose_reply", "send_failed", "error", "retcode", "hang", "place", "hide", "no_deal", "rewrite_comment", "drop_magic",
    "restart", "disconnect", "switch_account", "stop_trading", "disable_api",
]  # fmt: skip
ORDER_SEND = "order_send"
"""The one call that trades: a broker may hold it back and execute it at a later market time."""


class FaultSection(Section):
    """One rule: at which calls of a function something goes wrong, and what.

    - ``lose_request``: never executed; None with -10002, the link breaks. ``lose_reply``: executed, then the same.
    - ``send_failed``: never executed; None with -10001, and so is every later call until the terminal is initialised again.
    - ``error``: None with last_error ``error``; an order is executed before where ``executed``. -10005 (IPC timeout) is of ``login`` alone,
      which stands for initialize too.
    - ``retcode``: an order_send answers ``retcode`` with no numbers (a requote with the quote), executed or not as ``executed`` says.
    - ``hang``: the answer comes ``for_ms`` later, never where that is 0; an order is executed before where ``executed``.
    - ``place``: a deal answers PLACED (10008) and is filled ``for_ms`` later, at the quote of that time.
    - ``hide``: what an order_send did to positions and orders, history (``of``) or all is seen ``for_ms`` later.
    - ``no_deal``: the reply does not know its deal yet (deal 0).
    - ``rewrite_comment``: the broker writes ``comment`` instead of ours (empty: cut to 26 characters). ``drop_magic``: it forgets the
      magic of a request that names a position, as on the closing side.
    - ``restart``: the terminal ends at this call, unexecuted; nobody gets in for ``for_ms``.
    - ``disconnect``: the terminal has lost its server, and what it shows of the account and the market stands still; ``stop_trading``:
      Algo Trading is off, ``disable_api``: the Python interface is, ``switch_account``: another account (``to_login``) is logged in; for
      ``for_ms`` from this call on, for ever where that is 0.
    """

    kind: Kind
    call: str = ORDER_SEND
    """The function that sets it off."""
    login: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Only of this account; 0: of any."""
    nth: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """Only the nth such call of an account since the terminal started, from 1; 0: each one that ``chance`` picks."""
    chance: Annotated[Decimal, Meta(extra={"least": 0, "most": 1})] = Decimal(1)
    """Share of the calls that are picked, drawn from (seed, magic, how many-th of its action with that magic): the same in every run."""
    for_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    """Market time."""
    retcode: Annotated[int, Meta(ge=0, le=65_535)] = 0
    error: Literal[-1, -2, -3, -4, -6, -7, -8, -10000, -10001, -10002, -10004, -10005] = -1
    executed: bool = False
    comment: Annotated[str, Meta(max_length=31)] = ""
    of: Literal["all", "positions", "history"] = "all"
    """What is hidden: open positions and orders, or done orders and deals."""
    to_login: Annotated[int, Meta(ge=0, le=10**12)] = 0
