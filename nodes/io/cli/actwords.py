"""Words of the verbs that act: scopes, accounts, prices and volumes. A wrong one is the command line's fault (BadUsage)."""

from mesh.config import Config
from mesh.errors import BadUsage
from mesh.killset import check_scope
from mesh.messages.control import REASON_MAX
from mesh.units import e8_from_text
from nodes.io.cli.plaintext import escaped, foreign_sign

STOP_SCOPES = "all, account:NAME, symbol:NAME or strategy:NAME"
ACT_SCOPES = "all, account:NAME, symbol:NAME, strategy:NAME or ACCOUNT:TICKET"


def check_act_scope(config: Config, scope: str) -> str:
    """A scope for positions: those of stops, or ACCOUNT:TICKET. Raises BadUsage saying what is allowed."""
    account, _, ticket = scope.partition(":")
    if account in config.account and ticket.isascii() and ticket.isdecimal():
        return scope
    return _checked(config, scope, ACT_SCOPES)


def check_stop_scope(config: Config, scope: str) -> str:
    """A scope of the ladder. Raises BadUsage saying what is allowed."""
    return _checked(config, scope, STOP_SCOPES)


def _checked(config: Config, scope: str, allowed: str) -> str:
    check_line("scope", scope)
    try:
        check_scope(scope)
    except ValueError:
        raise BadUsage(f"scope {scope!r}: {allowed} is allowed; accounts: {', '.join(config.account)}") from None
    kind, _, name = scope.partition(":")
    named = {"account": list(config.account), "strategy": list(config.strategy)}
    if kind in named and name not in named[kind]:
        raise BadUsage(f"scope {scope!r}: there is no {kind} {name!r}; there are: {', '.join(named[kind]) or 'none'}")
    return scope


def check_ticket(config: Config, word: str) -> str:
    """One position as ACCOUNT:TICKET. Raises BadUsage."""
    account, _, ticket = word.partition(":")
    if account not in config.account or not (ticket.isascii() and ticket.isdecimal()):
        raise BadUsage(f"{word}: ACCOUNT:TICKET is expected; accounts: {', '.join(config.account)}; tickets: mesh positions")
    return word


def check_account(config: Config, word: str, key: str = "") -> str:
    """One account; ``key``: of which option. Raises BadUsage."""
    if word not in config.account:
        raise BadUsage(f"{key} {word}: there is no such account; there are: {', '.join(config.account)}".strip())
    return word


def check_line(key: str, text: str) -> str:
    """Words that others will be shown: one line of text. Raises BadUsage naming the sign that is none."""
    sign = foreign_sign(text)
    if sign:
        where = f"character {text.index(sign) + 1} is {escaped(sign)}"
        raise BadUsage(f"{key} {escaped(text)}: {where}: control characters and line breaks are not allowed; say it in one line of text")
    return text


def stop_reason(reason: str) -> str:
    """Why something is stopped, as it can be shown for ever: escaped and cut. A stop is never refused for its words."""
    return escaped(reason.strip())[:REASON_MAX]


def check_reason(reason: str) -> str:
    """Why; empty where none was given. Every verb but a stop that takes a reason asks here, for it is shown in tables and logs for ever.

    Raises BadUsage where it is longer than what is kept, or is not one line of text.
    """
    text = check_line("--reason", reason.strip())
    if len(text) > REASON_MAX:
        raise BadUsage(f"--reason: it has {len(text)} characters, at most {REASON_MAX} are kept: say it shorter")
    return text


def accounts_in(config: Config, scope: str) -> list[str]:
    """Accounts a scope can touch."""
    kind, _, name = scope.partition(":")
    if kind == "account":
        return [name]
    return [kind] if kind in config.account else list(config.account)


def expand_accounts(config: Config, words: str) -> list[str]:
    """Accounts named by account, group or ``all``. Raises BadUsage."""
    found: dict[str, None] = {}
    for word in (part.strip() for part in words.split(",")):
        members = list(config.account) if word == "all" else config.settings.group.get(word, [word])
        for member in members:
            if member not in config.account:
                groups = ", ".join(config.settings.group) or "none"
                raise BadUsage(
                    f"--accounts {word}: no such account or group; accounts: {', '.join(config.account)}; groups: {groups}; or all"
                )
            found[member] = None
    return list(found)


def amount(key: str, text: str | None, absent: int) -> int:
    """A decimal option as fixed point; ``absent`` where it was not given. Raises BadUsage."""
    if text is None:
        return absent
    try:
        value = e8_from_text(text)
    except ValueError as error:
        raise BadUsage(f"{key} {text}: {error}") from None
    if value < 0:
        raise BadUsage(f"{key} {text}: 0 or more is allowed")
    return value


def lots(key: str, text: str | None) -> int:
    """A volume; 0, which means all of it or the strategy's own size, only where none was given. Raises BadUsage."""
    value = amount(key, text, 0)
    if text is not None and value == 0:
        raise BadUsage(f"{key} {text}: more than 0 lots is allowed; leave {key} out for all of it")
    return value
