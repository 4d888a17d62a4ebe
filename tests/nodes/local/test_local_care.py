"""What a local does by itself: break-even, trailing, partial take-profit, time stop, equity stop; and how it answers for states."""

from mesh.messages.venue import VenueResult, VenueSend
from mesh.units import E8, SECOND_NS
from tests.nodes.local.fakevenue import POINT_E8, PRICE_E8
from tests.nodes.local.localrig import Rig, make_config


def moved(rig: Rig, points: int) -> None:
    """The price moves, and the account is read."""
    rig.venue.bid_e8 = PRICE_E8 + points * POINT_E8
    rig.run(1_100)


def opened(rig: Rig) -> bytes:
    """A filled open."""
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    return oid


def acts(rig: Rig) -> list[tuple[str, str]]:
    """(cause, code) of the outcomes after the first."""
    return [(outcome.cause, outcome.code) for outcome in rig.master.outcomes[1:] if outcome.final]


def test_break_even_moves_the_stop_once() -> None:
    """At the set profit the SL goes to the opening price plus, and stays there."""
    rig = Rig(make_config("manage = {break_even_points = 50, break_even_plus_points = 5}")).ready()
    oid = opened(rig)
    moved(rig, 40)
    assert acts(rig) == []
    moved(rig, 60)
    moved(rig, 70)
    assert acts(rig) == [("BREAK_EVEN", "MODIFIED")]
    assert next(iter(rig.venue.held.values())).sl_e8 == PRICE_E8 + 5 * POINT_E8
    outcome = rig.master.outcomes[1]
    assert (outcome.leg, outcome.sid, outcome.strategy, outcome.oid == oid) == ("break_even", "sid-1/BREAK_EVEN", "swing", False)


def test_trailing_follows_by_its_step_and_never_back() -> None:
    """The SL follows the price at its distance, by whole steps, in the position's favour alone."""
    rig = Rig(make_config("manage = {trailing_points = 100, trailing_step_points = 10}")).ready()
    opened(rig)
    for points in (90, 105, 110, 120, 60):
        moved(rig, points)
    assert acts(rig) == [("TRAILING", "MODIFIED")] * 2
    assert next(iter(rig.venue.held.values())).sl_e8 == PRICE_E8 + 20 * POINT_E8


def test_partial_take_profit_happens_once_also_after_a_restart() -> None:
    """Half is closed at the set profit; its oid is known for ever."""
    rig = Rig(make_config("manage = {partial_tp_points = 30, partial_tp_percent = 50}")).ready()
    opened(rig)
    moved(rig, 35)
    assert acts(rig) == [("PARTIAL_TP", "CLOSED")]
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    moved(rig, 40)
    assert acts(rig) == [("PARTIAL_TP", "CLOSED")]
    assert [held.volume_e8 for held in rig.venue.held.values()] == [E8 // 20]


def test_partial_take_profit_that_was_refused_is_tried_again() -> None:
    """Only one that executed counts as done; a restart in between changes nothing."""
    rig = Rig(make_config("manage = {partial_tp_points = 30, partial_tp_percent = 50}")).ready()
    opened(rig)
    rig.venue.script = lambda send: rig.venue.result(send, "HALT", 10017)
    moved(rig, 35)
    assert set(acts(rig)) == {("PARTIAL_TP", "REJECTED")}
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.venue.script = lambda send: True
    moved(rig, 35)
    rig.until(lambda: acts(rig)[-1] == ("PARTIAL_TP", "CLOSED"))
    rig.run(20_000)
    assert [code for _, code in acts(rig)].count("CLOSED") == 1
    assert [held.volume_e8 for held in rig.venue.held.values()] == [E8 // 20]


def test_time_stop_counts_market_time_and_works_cut_off() -> None:
    """With no router and no master the position is closed when its market time is over; the outcome is told later."""
    rig = Rig(make_config("manage = {time_stop_ms = 60000}")).ready()
    opened(rig)
    rig.net.cut["router-1"] = rig.net.cut["router-2"] = True
    moved(rig, 0)
    assert rig.venue.held
    rig.venue.market_ns += 61 * SECOND_NS
    moved(rig, 0)
    assert not rig.venue.held
    assert acts(rig) == []
    rig.net.cut.clear()
    rig.until(lambda: acts(rig) == [("TIME_STOP", "CLOSED")])


def test_failed_act_pauses_before_it_is_tried_again() -> None:
    """An act that the venue refuses is not repeated on every read."""
    rig = Rig(make_config("manage = {break_even_points = 50}")).ready()
    opened(rig)
    rig.venue.script = lambda send: rig.venue.result(send, "HALT", 10017)
    moved(rig, 60)
    count = len(rig.venue.sends)
    rig.run(20_000)
    assert count < len(rig.venue.sends) < count + 10
    assert set(acts(rig)) == {("BREAK_EVEN", "REJECTED")}


def test_equity_stop_closes_everything_and_bars_opens() -> None:
    """At its floor everything of ours is closed, and the next open is denied; the market was asked to stop there."""
    rig = Rig(make_config(account="equity_stop_percent = 95", rails='daily_loss_percent = "off"\nduplicate_window_ms = "off"')).ready()
    opened(rig)
    rig.run(1_000)
    assert rig.venue.watched[-1] == 9_500 * E8
    rig.venue.shows_positions = True
    moved(rig, -6_000)
    assert ("EQUITY_STOP", "CLOSED") in acts(rig)
    assert not rig.venue.held
    rig.venue.balance_e8 = 9_400 * E8
    rig.run(1_100)
    rig.open("b")
    rig.until(lambda: rig.master.codes()[-1] == "KILLED")
    ((_, entry),) = rig.local()._state.ladder.stops.killset.live()
    assert (entry.issuer, entry.scope) == ("local-1", "account:one")
    assert entry.reason.startswith("EQUITY_STOP equity=")
    assert entry.reason.endswith(" floor=9500.00")
    rig.venue.balance_e8 = 9_501 * E8
    rig.run(1_100)
    rig.open("c")
    rig.until(lambda: rig.master.codes()[-2:] == ["KILLED", "KILLED"])
    rig.undo_all()
    rig.open("d")
    rig.until(lambda: rig.master.codes()[-1] == "FILLED")


def test_an_open_is_guarded_before_each_of_its_attempts() -> None:
    """Its first attempt came back unexecuted, meanwhile equity fell below the floor: there is no second one."""
    rig = Rig(make_config(account="equity_stop_percent = 95", rails='daily_loss_percent = "off"')).ready()
    rig.run(1_000)

    def refused_once(send: VenueSend) -> VenueResult | bool:
        if send.attempt > 1:
            return True
        rig.venue.balance_e8 = 9_000 * E8
        return rig.venue.result(send, "BACKOFF", 10018)

    rig.venue.script = refused_once
    rig.open()
    rig.until(lambda: rig.master.codes() == ["KILLED"])
    assert len(rig.venue.sends) == 1


def test_acts_may_slip_as_far_as_the_guard_allows() -> None:
    """A close in a fast market with instant execution would be requoted for ever with a deviation of 0."""
    rig = Rig(make_config("manage = {time_stop_ms = 1000}")).ready()
    opened(rig)
    rig.venue.market_ns += 5 * SECOND_NS
    moved(rig, 0)
    assert [send.deviation_points for send in rig.venue.sends if send.action == "CLOSE"] == [40]


def test_a_refusal_that_passes_does_not_end_a_strategys_close() -> None:
    """Algo trading was off for a moment, or the dealer said no: the close goes on, and ends once."""
    rig = Rig().ready()
    opening = opened(rig)
    codes = iter((10027, 10006, 10030))

    def refused_thrice(send: VenueSend) -> VenueResult | bool:
        code = next(codes, 0)
        return rig.venue.result(send, "HALT" if code != 10030 else "BUG", code) if code else True

    rig.venue.script = refused_thrice
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 30_000)
    assert [send.attempt for send in rig.venue.sends if send.action == "CLOSE"] == [1, 2, 3, 4]
    assert not rig.venue.held


def test_a_broken_day_stays_broken_over_a_restart() -> None:
    """The guard's own daily loss: equity came back, the process too, nothing is opened before the next day."""
    rig = Rig(make_config(rails='daily_loss_action = "deny"\nduplicate_window_ms = "off"\ndrawdown_percent = "off"')).ready()
    rig.venue.balance_e8 = 9_300 * E8
    rig.run(1_100)
    rig.venue.balance_e8 = 10_000 * E8
    rig.run(1_100)
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    rig.open()
    rig.until(lambda: rig.master.codes() == ["DENIED"])
    assert rig.master.outcomes[-1].detail.startswith("DAILY_LOSS at=local")


def test_a_store_that_was_rolled_back_only_closes_also_after_restarts() -> None:
    """A backup was put back while an outcome was not acked: no crash at the next ack, no opens in any later life, closes go on."""
    rig = Rig().ready()
    rig.master.acks = False
    opened(rig)
    backup = dict(rig.net.places["local-1"].disk.rows)
    rig.open("b")
    rig.until(lambda: len(rig.master.codes()) == 2)
    rig.net.crash("local-1")
    rig.net.places["local-1"].disk.rows = backup
    rig.master.acks = True
    for life in range(3):
        rig.net.restart("local-1")
        rig.run(6_000)
        oid = rig.open(f"c{life}")
        rig.until(lambda oid=oid: any(outcome.oid == oid and outcome.final for outcome in rig.master.outcomes))  # type: ignore[misc]
        assert (rig.master.codes()[-1], rig.master.outcomes[-1].detail) == ("DENIED", "ROLLBACK outcomes=lost")
        rig.net.crash("local-1")


def test_what_a_store_put_back_has_seen_executed_is_told_under_a_new_number() -> None:
    """A copy of it told more meanwhile, and may have said that it was nowhere: the master hears what nobody has acked."""
    rig = Rig().ready()
    rig.master.acks = False
    oid = opened(rig)
    told = next(outcome for outcome in rig.master.outcomes if outcome.oid == oid)
    rig.net.crash("local-1")
    rig.master.f["one"] = told.f + 7
    rig.master.outcomes.clear()
    rig.net.restart("local-1")
    rig.until(lambda: any(outcome.oid == oid for outcome in rig.master.outcomes))
    again = next(outcome for outcome in rig.master.outcomes if outcome.oid == oid)
    assert (again.code, again.volume_e8) == (told.code, told.volume_e8)
    assert again.f > told.f + 7
    assert again.life == rig.local("one")._state.life


def test_foreign_positions_are_left_alone() -> None:
    """A position whose magic is not ours is told as such and never managed."""
    rig = Rig(make_config("manage = {time_stop_ms = 1000}")).ready()
    opened(rig)
    held = next(iter(rig.venue.held.values()))
    rig.venue.held[7] = type(held)(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    rig.venue.market_ns += 5 * SECOND_NS
    moved(rig, 0)
    assert list(rig.venue.held) == [7]
    state = rig.master.states[-1] if rig.master.states[-1].account == "one" else rig.master.states[-2]
    assert [(position.ticket, position.ours) for position in state.positions] == [(7, False)]


def test_state_that_was_asked_for_is_told_after_what_it_leads_to() -> None:
    """The answer for a block shows the account after the acts of that block, and says that it is managed."""
    rig = Rig(make_config("manage = {trailing_points = 100}")).ready()
    opened(rig)
    rig.run(600)
    rig.venue.bid_e8 = PRICE_E8 + 150 * POINT_E8
    rig.ask_state(41)
    rig.until(lambda: any(state.block == 41 for state in rig.master.states))
    state = next(state for state in rig.master.states if state.block == 41)
    assert (state.positions[0].sl_e8, state.managed) == (PRICE_E8 + 50 * POINT_E8, True)
    assert rig.venue.sends[-1].action == "MODIFY"


def test_state_waits_while_a_call_is_at_the_venue() -> None:
    """An account whose call waits at the broker cannot be read; it answers when the call is over, and then with its effect."""
    rig = Rig().ready()
    rig.venue.delay_ns = 2 * SECOND_NS
    rig.open()
    rig.run(500)
    rig.ask_state(7)
    rig.run(1_000)
    assert not [state for state in rig.master.states if state.block == 7]
    rig.until(lambda: any(state.block == 7 for state in rig.master.states))
    state = next(state for state in rig.master.states if state.block == 7)
    assert [outcome.code for outcome in rig.master.outcomes] == ["WORKING", "FILLED"]
    assert (state.f, len(state.positions)) == (2, 1)


def test_state_does_not_claim_a_fill_the_venue_shows_late() -> None:
    """While a filled position is not shown yet, states say that they do not include it; then they do."""
    rig = Rig().ready()
    rig.venue.shows_positions = False
    rig.venue.deals.clear()
    opened(rig)
    rig.venue.deals.clear()
    rig.run(1_200)
    newest = [state for state in rig.master.states if state.account == "one"][-1]
    assert newest.f == 0
    rig.venue.shows_positions = True
    rig.run(1_200)
    newest = [state for state in rig.master.states if state.account == "one"][-1]
    assert (newest.f, len(newest.positions)) == (1, 1)


def test_deals_are_told_once_with_whose_they_are() -> None:
    """Every deal goes up once, ours with the oid of its opening; deposits are summed over restarts."""
    rig = Rig().ready()
    oid = opened(rig)
    rig.run(1_500)
    mine = [deal for deal in rig.master.deals if deal.account == "one"]
    assert [(deal.kind, deal.oid == oid) for deal in mine] == [("BALANCE", False), ("BUY", True)]
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.run(2_000)
    assert len([deal for deal in rig.master.deals if deal.account == "one"]) == 2
    newest = [state for state in rig.master.states if state.account == "one"][-1]
    assert newest.deposit_e8 == 10_000 * E8
