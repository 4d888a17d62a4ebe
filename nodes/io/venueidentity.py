"""Which terminal and which account the adapter is at: checked when it attaches, and again by every read and before every order.

Somebody may log another account in at the terminal while we are attached, and the package does not tell. So an answer counts as our
account's only where ``account_info`` just before it named our login and server. What stays open is the moment between that look and
``order_send`` itself: an order sent in it goes to the other account. It is looked again after the answer: such an order is told
UNKNOWN, not filled, and is then looked for at our account alone.
"""

from typing import Any

from mesh.accountmode import mismatch
from mesh.settings import AccountSection
from nodes.io.package import Package
from nodes.terminal import names

SWITCHES = (
    ("account.trade_allowed", True, "the broker does not let this account trade, or it was logged in with the investor password"),
    ("account.trade_expert", True, "the broker does not let programs trade on this account"),
    ("terminal.trade_allowed", True, "switch Algo Trading on in the terminal's toolbar"),
    ("terminal.tradeapi_disabled", False, "untick 'Disable automatic trading via external Python API' in the terminal's options"),
)
"""What has to be so in ``account_info`` and ``terminal_info`` for orders to be taken, and what to do where it is not."""


class Identity:
    """What the adapter of one account is at. Nothing is ours before ``attach`` found nothing to refuse."""

    def __init__(self, section: AccountSection, package: Package) -> None:
        self._section = section
        self._package = package
        self._login = 0
        self._server = ""
        self.is_hedging = True

    def attach(self, info: Any, terminal: Any) -> str:
        """Hold ``account_info`` and ``terminal_info`` against the configuration: why it is only observed; empty where it is the one."""
        section = self._section
        self.is_hedging = info.margin_mode == names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
        checks = (
            ("login", info.login, section.login),
            ("server", info.server, section.server),
            ("margin_mode", "hedging" if self.is_hedging else "netting", section.margin_mode),
            ("currency", info.currency, section.currency),
        )
        found = [f"{key}={seen} configured={meant}" for key, seen, meant in checks if seen != meant]
        if wrong := mismatch(section.mode, info.trade_mode == names.ACCOUNT_TRADE_MODE_REAL):
            found.append(wrong)
        if not self._package.is_at(terminal.path):
            found.append(f"path={terminal.path} configured={self._package.path}")
        self._login, self._server = (0, "") if found else (info.login, info.server)
        return " ".join(found)

    def objection(self, info: Any) -> str:
        """Why an ``account_info`` is not that of the account we attached to; empty where it is."""
        if (info.login, info.server) == (self._login, self._server):
            return ""
        attached = f"{self._login} {self._server}" if self._login else "nothing"
        return f"ACCOUNT login={info.login} {info.server} attached={attached}: another account is logged in at the terminal"


def switched_off(info: Any, terminal: Any) -> list[str]:
    """What is switched off, so that orders will be refused, and what to do about it."""
    seen = {
        "account.trade_allowed": bool(info.trade_allowed),
        "account.trade_expert": bool(info.trade_expert),
        "terminal.trade_allowed": bool(terminal.trade_allowed),
        "terminal.tradeapi_disabled": bool(terminal.tradeapi_disabled),
    }
    return [f"{key}={seen[key]}: {advice}" for key, wanted, advice in SWITCHES if seen[key] != wanted]
