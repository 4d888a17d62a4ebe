"""What is alarming, and who is told of it when: in time that only the test moves."""

from collections.abc import Sequence

import msgspec

from mesh import alarms as alarming
from mesh.alarmbook import CLEAR_NS, OVER, RAISED, STILL, AlarmBook, Notice
from mesh.alarms import (
    ALGO_OFF,
    BLIND,
    CLOSE_WAITS,
    DAILY_LOSS,
    DEAD_MAN,
    KILLED,
    NODE_DOWN,
    UNKNOWN_RESULT,
    Alarm,
    alarms,
    can_judge,
)
from mesh.alarmtext import ITEMS_MAX, fields_of, trial_fields
from mesh.codec import encode
from mesh.config import Config, parse
from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.control import GENESIS, Entry
from mesh.messages.health import NodeHealth, Snapshot
from mesh.settings import AlertsSection
from mesh.stopset import UNKNOWN_LEVEL
from mesh.units import E8, MINUTE_NS, MS_NS, SECOND_NS
from mesh.view import View
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh(accounts={"a": "", "b": ""}))
NOW_NS = 1_000 * SECOND_NS
WALL_NS = 1_767_571_200 * SECOND_NS
SECTION = AlertsSection()


def state(account: str = "a", equity: int = 10_000, **changes: object) -> AccountState:
    """An account whose day began with 10,000."""
    found = AccountState(
        account, 1, 1, 0, 0, 0, 0, 1, "USD", True, 100, 10_000 * E8, equity * E8, 0, 0, 0, 10_000 * E8, True, True, False, "ACTIVE", [], [],
        day_base_e8=10_000 * E8,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def health(node: str, phase: str = "READY", **facts: str) -> NodeHealth:
    """A node that is well but for these facts."""
    role = CONFIG.role_of(node)
    told = ({"grant": "held", "closes_waiting": "0"} if role == "local" else {}) | facts
    return NodeHealth(node, role, 1, 1, phase, 0, 0, 0, 0, 0, "1", "c", {}, told)


def seen(*items: Msg, now_ns: int = NOW_NS, view: View | None = None) -> View:
    """A view of a mesh that is well but for these items, told by its router just now."""
    view = view or View()
    for item in (*(health(name) for name in CONFIG.node), state("a"), state("b"), *items):
        view.take(Snapshot("router-1", 1, 1, 0, 1, 0, encode(item)), now_ns)
    return view


def found(view: View, now_ns: int = NOW_NS, config: Config = CONFIG, stops: Sequence[tuple[bytes, Entry]] = ()) -> list[Alarm]:
    return alarms(config, view, stops, now_ns, True)


def only(*items: Msg, config: Config = CONFIG) -> Alarm:
    """The one alarm these items make."""
    (alarm,) = found(seen(*items), config=config)
    assert alarm.words
    assert alarm.do
    return alarm


# what is alarming


def test_a_mesh_that_is_well_alarms_nobody() -> None:
    """Every node is heard, every account may trade."""
    assert found(seen()) == []


def test_a_stop_is_an_alarm_with_its_scope_who_and_why() -> None:
    """Of one account its name stands beside; a new real account waits to be armed; a level of a newer version is told, too."""
    stop = Entry("operator", 1, 0, "FREEZE", "account:a", "news", "ann@desk")
    arming = msgspec.structs.replace(stop, reason=f"{GENESIS} a new account")
    (first, second, third) = found(
        seen(), stops=[(b"1", stop), (b"2", arming), (b"3", msgspec.structs.replace(stop, level=UNKNOWN_LEVEL, scope="all"))]
    )
    assert (first.kind, first.account, first.value, first.hold_ns) == (KILLED, "a", "FREEZE", 0)
    assert first.words == "FREEZE account:a by ann@desk: news"
    assert "mesh resume account:a" in first.do
    assert "mesh arm a" in second.do
    assert (third.rank, third.account) == (alarming.WRONG, "")


def test_daily_loss_alarms_from_its_share_of_the_limit_on() -> None:
    """80 % of 3 % of 10,000 are 240: the value, the limit and the share are told; a rail that is off has no limit to come near to."""
    assert found(seen(state(equity=9_761))) == []
    alarm = only(state(equity=9_760))
    assert (alarm.kind, alarm.account, alarm.value, alarm.limit) == (DAILY_LOSS, "a", "240.00", "300.00")
    assert "80 %" in alarm.words
    off = parse(small_mesh('[strategy.reversion]\n[rails]\ndaily_loss_percent = "off"', {"a": "", "b": ""}))
    assert found(seen(state(equity=5_000)), config=off) == []
    assert found(seen(state(equity=5_000, day_base_e8=0))) == []


def test_an_unknown_result_has_sixty_seconds() -> None:
    """Or as long as the file says."""
    assert (only(state(unknown_count=2)).kind, only(state(unknown_count=2)).hold_ns) == (UNKNOWN_RESULT, 60 * SECOND_NS)
    quick = parse(small_mesh('[strategy.reversion]\n[alerts]\nwebhook = "https://x"\nunknown_ms = 5', {"a": "", "b": ""}))
    assert only(state(unknown_count=1), config=quick).hold_ns == 5 * MS_NS
    assert [only(state(unknown_count=1), config=each).limit for each in (CONFIG, quick)] == ["for 60 s", "for 0.005 s"]


def test_algo_trading_switched_off() -> None:
    """While the terminal has no connection nobody knows."""
    assert (only(state(trade_allowed=False)).kind, only(state(trade_allowed=False)).account) == (ALGO_OFF, "a")
    assert found(seen(state(trade_allowed=False, connected=False))) == []


def test_a_local_without_leave_is_the_dead_man() -> None:
    """Whatever keeps it: nobody grants, or its stops are others; one that is told to end needs none."""
    alarm = only(health("local-2", grant="other stops"))
    assert (alarm.kind, alarm.subject, alarm.account, alarm.value) == (DEAD_MAN, "local-2", "b", "other stops")
    assert found(seen(health("local-2", "DRAINING", grant="none"))) == []


def test_closes_that_wait_for_the_market() -> None:
    """How many, and whose."""
    alarm = only(health("local-1", closes_waiting="3"))
    assert (alarm.kind, alarm.account, alarm.value, alarm.limit) == (CLOSE_WAITS, "a", "3", "")


def test_nodes_that_are_down() -> None:
    """What supervisord's listener tells of it; else it is silent, or was never seen."""
    alarm = only(health("local-1", "FATAL", ended="exit status 78 since …"))
    assert (alarm.kind, alarm.words, alarm.hold_ns) == (NODE_DOWN, "local-1: FATAL: exit status 78 since …", 0)
    assert alarm.do == "as it says; `mesh logs local-1 supervisord`; then `mesh restart local-1`", "it has no log where it never began"
    view = seen()
    later_ns = NOW_NS + 10 * SECOND_NS
    for name in (name for name in CONFIG.node if name != "cci-1"):
        view.take(Snapshot("router-1", 1, 2, 0, 1, 0, encode(health(name))), later_ns)
    (silent,) = found(view, later_ns)
    assert (silent.subject, silent.since_ns) == ("cci-1", NOW_NS)
    assert silent.do == "`mesh status`; on its host `mesh logs cci-1 supervisord`; `mesh restart cci-1`"
    del view.nodes["cci-1"]
    assert [alarm.words for alarm in found(view, later_ns)] == ["cci-1: never seen"]
    assert alarms(CONFIG, view, (), later_ns, False) == []


def test_who_hears_no_router_knows_nothing_else() -> None:
    """That alone is told; nothing that was before counts as over."""
    view = seen(state(unknown_count=1))
    alarm = found(view)[0]
    later_ns = NOW_NS + 3 * SECOND_NS
    (blind,) = found(view, later_ns)
    assert (blind.kind, blind.since_ns) == (BLIND, NOW_NS)
    assert can_judge(alarm, view, NOW_NS)
    assert not can_judge(alarm, view, later_ns)


def test_who_is_silent_has_ended_nothing() -> None:
    """An account whose state is old, a local that is not heard, a terminal without a connection: their alarms stand."""
    view = seen(state(unknown_count=1), state("b", trade_allowed=False), health("local-1", grant="none"))
    unknown, algo, dead = found(view)
    later_ns = NOW_NS + 10 * SECOND_NS
    view.take(Snapshot("router-1", 1, 2, 0, 1, 0, encode(health("master-1"))), later_ns)
    assert [can_judge(alarm, view, later_ns) for alarm in (unknown, algo, dead)] == [False, False, False]
    view.take(Snapshot("router-1", 1, 2, 0, 1, 0, encode(state("b", number=2, connected=False))), later_ns)
    assert not can_judge(algo, view, later_ns)


# who is told when


class Told:
    """A book, its clock, and what it had told."""

    def __init__(self, **section: object) -> None:
        self.book = AlarmBook(msgspec.structs.replace(SECTION, **section))
        self.now_ns = 0
        self.knows = True

    def look(self, *there: Alarm, s: int = 1) -> list[tuple[str, str, int]]:
        """So many seconds of looks, one each; what was told: event, kind, how many alarms."""
        return [(notice.event, notice.kind, len(notice.items)) for notice in self.notices(*there, s=s)]

    def notices(self, *there: Alarm, s: int = 1) -> list[Notice]:
        told: list[Notice] = []
        for _ in range(s):
            self.now_ns += SECOND_NS
            told += self.book.look(there, lambda _alarm: self.knows, self.now_ns)
        return told


def alarm(kind: str = DEAD_MAN, subject: str = "x", hold_s: int = 0) -> Alarm:
    return Alarm(kind, subject, alarming.WRONG, f"{subject} is wrong", "mend it", hold_ns=hold_s * SECOND_NS)


def test_each_alarm_is_told_once_and_so_is_its_end() -> None:
    """The end is told when it has lasted."""
    told = Told()
    assert told.look(alarm()) == [(RAISED, DEAD_MAN, 1)]
    assert told.look(alarm(), s=100) == []
    assert told.look(s=CLEAR_NS // SECOND_NS) == []
    assert told.look() == [(OVER, DEAD_MAN, 1)]
    assert told.look(s=1_000) == []


def test_an_alarm_has_to_last_for_its_hold() -> None:
    """What comes and goes within it calls nobody, however often."""
    told = Told()
    for _ in range(10):
        assert told.look(alarm(hold_s=60), s=59) == []
        assert told.look() == []
    assert told.look(alarm(hold_s=60), s=60) == []
    (notice,) = told.notices(alarm(hold_s=60))
    assert (notice.event, told.now_ns - notice.items[0].since_ns) == (RAISED, 60 * SECOND_NS)


def test_a_short_gap_is_no_end() -> None:
    """One look without it, or many while nobody knows, end nothing."""
    told = Told()
    told.look(alarm())
    assert told.look(s=3) + told.look(alarm(), s=3) == []
    told.knows = False
    assert told.look(s=1_000) == []
    told.knows = True
    assert told.look(s=6) == [(OVER, DEAD_MAN, 1)]


def test_what_flaps_is_collapsed_and_counted() -> None:
    """Within five minutes of the last word nothing more than its end; then how often it came."""
    told = Told()
    events = [event for _ in range(14) for event, _, _ in told.look(alarm(), s=10) + told.look(s=10)]
    assert events == [RAISED, OVER]
    (notice,) = told.notices(alarm(), s=60)
    assert (notice.event, notice.items[0].times) == (RAISED, 14)


def test_what_came_and_went_while_nobody_was_to_be_told_is_told_after_all() -> None:
    """Its end says how often."""
    told = Told()
    told.look(alarm(), s=2)
    told.look(s=10)
    told.look(alarm(), s=5)
    (notice,) = told.notices(s=400)
    assert (notice.event, notice.items[0].times) == (OVER, 1)
    assert told.look(s=1_000) == []


def test_what_goes_on_is_told_again_each_hour() -> None:
    """Unless that is switched off."""
    told, once = Told(), Told(remind_ms=None)
    told.look(alarm())
    once.look(alarm())
    assert told.look(alarm(), s=7_200) == [(STILL, DEAD_MAN, 1)] * 2
    assert once.look(alarm(), s=7_200) == []


def test_alarms_of_a_kind_are_one_message() -> None:
    """Two hundred locals that lose their master are no two hundred calls."""
    told = Told()
    assert told.look(*(alarm(subject=str(each)) for each in range(200))) == [(RAISED, DEAD_MAN, 200)]


def test_never_more_than_so_many_a_minute_and_nothing_is_lost() -> None:
    """What waits is put together, the gravest goes first, and every alarm is told in the end."""
    told, there, heard = Told(per_minute_count=2), [], []
    for second in range(30):
        there.append(alarm(ALGO_OFF if second < 15 else DEAD_MAN, str(second)))
        heard += told.notices(*there)
    assert len(heard) == 2
    there.append(alarm(KILLED, "stop"))
    rest = told.notices(*there, s=120)
    assert [notice.kind for notice in rest[:2]] == [KILLED, DEAD_MAN]
    subjects = [item.alarm.subject for notice in [*heard, *rest] for item in notice.items]
    assert sorted(subjects) == sorted(alarm.subject for alarm in there)


def test_rate_holds_in_every_minute() -> None:
    """Over an hour of new alarms each second, no window of sixty seconds has more."""
    told, at_ns = Told(per_minute_count=3, quiet_ms=1), []
    for second in range(3_600):
        at_ns += [told.now_ns for _ in told.look(alarm(subject=str(second)), alarm(KILLED, str(second)))]
    assert max(sum(start <= each < start + MINUTE_NS for each in at_ns) for start in at_ns) == 3


def test_what_needs_no_memory_is_forgotten() -> None:
    """A day of alarms that came and went leaves nothing behind."""
    told = Told()
    for second in range(1_000):
        told.look(alarm(subject=str(second)))
    told.look(s=1_000)
    assert told.book._cases == {}
    assert told.book._waiting == {}


# what is told


def test_document_has_value_limit_account_since_when_and_what_to_do() -> None:
    """Plain JSON; the text alone is enough for a person."""
    told = Told()
    (notice,) = told.notices(only(state(equity=9_700)))
    document = fields_of(notice, "demo", told.now_ns + 61 * SECOND_NS, WALL_NS, 2)
    assert (document["event"], document["kind"], document["count"], document["undelivered_count"]) == (RAISED, DAILY_LOSS, 1, 2)
    (shown,) = document["alarms"]
    assert (shown["account"], shown["value"], shown["limit"], shown["lasted_s"]) == ("a", "300.00", "300.00", 61)
    assert shown["since"] == "2026-01-04T23:58:59.000000Z"
    assert document["sent"] == "2026-01-05T00:00:00.000000Z"
    assert document["text"].startswith("trademesh demo: DAILY_LOSS: a: has lost 300.00 of 300.00 USD it may lose today, 100 %. Do: ")


def test_notice_of_many_is_bounded() -> None:
    """Some are listed, all are counted; an end needs nothing to be done."""
    told = Told()
    many = [alarm(subject=str(each)) for each in range(200)]
    (notice,) = told.notices(*many)
    document = fields_of(notice, "demo", told.now_ns, WALL_NS)
    assert (document["count"], len(document["alarms"])) == (200, ITEMS_MAX)
    assert "and 197 more" in document["text"]
    (over,) = told.notices(s=6)
    assert fields_of(over, "demo", told.now_ns, WALL_NS)["text"].startswith("trademesh demo: over: DEAD_MAN: ")
    assert "Do:" not in fields_of(over, "demo", told.now_ns, WALL_NS)["text"]


def test_trial_has_the_same_form() -> None:
    """Whoever parses the one parses the other."""
    told = Told()
    (notice,) = told.notices(alarm())
    assert trial_fields("demo", WALL_NS).keys() == fields_of(notice, "demo", 0, WALL_NS).keys()
