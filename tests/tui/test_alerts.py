"""What needs a person, without a screen: the worst first, each with what to do and where."""

from mesh.config import parse
from mesh.messages.base import Msg
from mesh.messages.control import GENESIS
from mesh.revisions import FOLLOWING_ROLES
from mesh.units import SECOND_NS
from mesh.view import FRESH_NS, LATE_NS
from nodes.io.locate import demo_text
from tests.tui.consolerig import CONFIG, NOW_NS, health, key_of, latched, quiet, state, stop
from tests.tui.test_state import LINKS, tell, told_state
from tui.alerts import DECIDE, KNOW, WRONG, Alert, accounts_of, alerts, is_held
from tui.state import State


def heard(*items: Msg) -> State:
    """A quiet mesh of which both routers tell, and more."""
    found = told_state(*quiet(), *items)
    tell(found, *quiet(), *items, router="router-2")
    return found


def words(found: State, now_ns: int = NOW_NS) -> list[str]:
    return [alert.words for alert in alerts(found, now_ns)]


def test_a_quiet_mesh_needs_nobody() -> None:
    """Every rail is on, every node is heard."""
    assert alerts(heard(), NOW_NS) == []


def test_before_anything_is_heard_only_that_is_told() -> None:
    """Nobody knows yet what is missing."""
    found = State(CONFIG, NOW_NS)
    tell(found, is_seeing=False)
    assert alerts(found, NOW_NS + 2 * SECOND_NS) == [
        Alert(WRONG, f"{name} not heard yet: tries {LINKS[name].endpoint} since 2 s", "nodes") for name in LINKS
    ]


def test_what_a_whole_snapshot_lacks_is_missing() -> None:
    """Nodes and accounts of the configuration that no router knows."""
    found = told_state(health("master-1"))
    assert {"cci-1: never seen", "demo-1: no word of it yet"} <= set(words(found))
    assert "master-1: never seen" not in words(found)


def test_one_silent_router_is_wrong() -> None:
    """The other one tells on."""
    found = heard()
    tell(found, *quiet(), now_ns=NOW_NS + LATE_NS)
    assert words(found, NOW_NS + LATE_NS) == ["router-2 late: silent for 3 s; what it told last is greyed"]
    assert words(found, NOW_NS + LATE_NS + 1) == ["router-2 dead: silent for 3 s; what it told last is greyed"]


def test_while_no_router_is_heard_that_alone_is_wrong() -> None:
    """Nodes and accounts are as silent, but it is not theirs."""
    found = heard(state("demo-1", connected=False))
    assert words(found, NOW_NS + 5 * SECOND_NS) == [
        "router-1 dead: silent for 5 s; what it told last is greyed",
        "router-2 dead: silent for 5 s; what it told last is greyed",
        "demo-1: its terminal has no connection to the broker",
    ]


def test_silent_nodes_and_accounts_are_wrong() -> None:
    """Each as long as it is, once its word is twice as old as it ever is in good times."""
    found = heard()
    now_ns = NOW_NS + 5 * SECOND_NS
    nodes = [health(name) for name in CONFIG.node if name != "local-2"]
    tell(found, *nodes, *(state(name) for name in CONFIG.account if name != "demo-2"), now_ns=now_ns)
    tell(found, *nodes, router="router-2", now_ns=now_ns)
    assert words(found, now_ns) == ["demo-2: its state is 5 s old; it opens nothing", "local-2: silent for 5 s"]


def test_terminals_that_cannot_trade_are_wrong() -> None:
    """Without a connection, or with trading switched off."""
    found = heard(state("demo-1", connected=False), state("demo-2", trade_allowed=False))
    assert words(found) == ["demo-1: its terminal has no connection to the broker", "demo-2: trading is switched off at its terminal"]


def test_what_calls_somebody_elsewhere_is_listed_here() -> None:
    """The rules are one (``mesh.alarms``): a loss near its limit, a local without leave, a close that waits, a node supervisord gave up."""
    found = heard(
        state("demo-1", 9_700),
        health("local-2", facts={"grant": "none"}),
        health("local-3", facts={"closes_waiting": "2"}),
        health("cci-1", phase="FATAL", facts={"ended": "exit status 78 since 10:00"}),
    )
    assert alerts(found, NOW_NS) == [
        Alert(DECIDE, "demo-1: has lost 290.00 of 299.70 USD it may lose today, 96 %", "trades"),
        Alert(WRONG, "cci-1: FATAL: exit status 78 since 10:00", "nodes"),
        Alert(WRONG, "demo-2: no leave to open (grant: none); it opens nothing, closes go on", "nodes"),
        Alert(KNOW, "demo-3: 2 closes wait for the market to open; their positions are open until then", "nodes"),
    ]


def test_what_nobody_knows_the_end_of_has_to_be_decided() -> None:
    """Orders of unknown result at an account, lines of a local that is silent past their time."""
    found = heard(state("demo-3", unknown_count=2), health("master-1", facts={"states": "WORKING=1 UNKNOWN=0 UNCONFIRMED=4"}))
    assert alerts(found, NOW_NS) == [
        Alert(DECIDE, "4 lines UNCONFIRMED: a local is silent past their time", "trades"),
        Alert(DECIDE, "demo-3: 2 of UNKNOWN result; opens of its symbol are denied", "trades"),
    ]
    assert words(heard(health("master-1", facts={"states": "a strange word"}))) == []


def test_stops_are_known_and_what_lacks_them_is_wrong() -> None:
    """An account that has not confirmed is named; the worst is first; one that is not confirmed any more is named, too."""
    held = [latched(name, stop()) for name in CONFIG.account]
    found = heard(stop(), *held)
    assert alerts(found, NOW_NS) == [Alert(KNOW, "FREEZE all by ann@desk: news", "control")]
    assert words(heard(stop(), *held[:2]))[0] == "NOT CONFIRMED: FREEZE all on demo-3, demo-4"
    tell(found, *quiet(), now_ns=NOW_NS + 5 * SECOND_NS)
    tell(found, *quiet(), *held[1:], router="router-2", now_ns=NOW_NS + 5 * SECOND_NS)
    assert words(found, NOW_NS + 5 * SECOND_NS)[0] == "NOT CONFIRMED: FREEZE all on demo-1"


def test_a_stop_of_a_newer_version_is_wrong_until_it_is_known() -> None:
    """Nobody here can say who has carried it out."""
    (first,) = alerts(heard(stop("HALF"), latched("demo-1", stop("HALF"))), NOW_NS)
    assert first.rank == WRONG
    assert first.words.startswith("LEVEL UNKNOWN all by ann@desk: news (its level HALF is of a newer version); it binds")


def test_many_that_lack_a_stop_are_counted() -> None:
    """Four are named."""
    more = "".join(f'[account.x-{n}]\nlogin = {n}\n[node.at-{n}]\nrole = "local"\naccount = "x-{n}"\n' for n in (1, 2))
    found = State(parse(demo_text() + more), NOW_NS)
    tell(found, stop())
    (first,) = (each for each in words(found) if each.startswith("NOT"))
    assert first == "NOT CONFIRMED: FREEZE all on demo-1, demo-2, demo-3, demo-4 and 2 more"


def test_a_new_real_account_waits_to_be_armed() -> None:
    """That is for a person."""
    found = heard(stop(scope="account:demo-1", reason=f"{GENESIS} a new account"), latched("demo-1", stop()))
    (first, *_) = alerts(found, NOW_NS)
    assert first.rank == DECIDE
    assert first.words.endswith("; arm it when it may trade")


def test_a_stop_is_held_as_far_as_its_level_goes() -> None:
    """LATCHED is enough for FREEZE and for nothing higher; a word of a stage nobody knows is none."""
    found = heard(latched("demo-1", stop(), stop("FLATTEN"), stage="CANCELLED"), latched("demo-2", stop(), stage="SOON"))

    def held(account: str, level: str) -> bool:
        return is_held(found, account, key_of(stop(level)), stop(level), NOW_NS)

    assert held("demo-1", "FREEZE")
    assert not held("demo-1", "FLATTEN")
    assert not held("demo-1", "CANCEL")
    assert not held("demo-2", "FREEZE")
    assert not held("demo-3", "FREEZE")
    assert not is_held(found, "demo-1", key_of(stop()), stop(), NOW_NS + LATE_NS)


def test_a_scope_touches_its_account_or_all() -> None:
    """Any account may hold a symbol or run a strategy."""
    found = heard()
    assert accounts_of(found, "account:demo-2") == ["demo-2"]
    for scope in ("all", "symbol:EURUSD", "strategy:reversion"):
        assert accounts_of(found, scope) == list(CONFIG.account)


def test_nodes_of_two_kinds_are_wrong() -> None:
    """Versions, and configurations."""
    found = heard(health("local-1", version="0.2.0"), health("local-2", config_hash="beef"))
    assert words(found) == ["nodes run 2 kinds of version: 0.1.0, 0.2.0", "nodes run 2 kinds of configuration: beef, c0ffee"]


def test_live_changes_make_another_configuration_of_those_who_hold_them_alone() -> None:
    """All of them run it and all others their file: nothing is wrong; a local that lacks it is."""
    changed = {name: health(name, config_hash="beef") for name, node in CONFIG.node.items() if node.role in FOLLOWING_ROLES}
    assert words(heard(*changed.values())) == []
    found = heard(*(changed | {"local-2": health("local-2")}).values())
    assert words(found) == ["nodes run 2 kinds of configuration: beef, c0ffee"]


def test_the_worst_is_first_and_the_same_gives_the_same() -> None:
    """What has to be decided, what is broken, what is good to know."""
    found = heard(stop(), state("demo-1", unknown_count=1), *(latched(name, stop()) for name in ("demo-1", "demo-2", "demo-3")))
    assert [alert.rank for alert in alerts(found, NOW_NS + FRESH_NS)] == [DECIDE, WRONG, KNOW]
    assert alerts(found, NOW_NS) == alerts(found, NOW_NS)
