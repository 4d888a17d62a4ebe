"""Tells of alarms, away from every screen: a frontend without one. It hears the routers as a console does, and sends them nothing.

``python -m nodes.io.alerting --config FILE --state DIR`` is what supervisord starts beside the nodes where the file has ``[alerts]``.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mesh.alarmbook import AlarmBook, Notice
from mesh.alarms import alarms, can_judge
from mesh.alarmtext import fields_of
from mesh.codec import encode
from mesh.config import Config
from mesh.core import Note
from mesh.errors import BadConfig, MeshError
from mesh.io.clock import wall_ns
from mesh.io.log import Log
from mesh.messages.base import Msg
from mesh.messages.control import Signed
from mesh.outlets import ALERTS_PROGRAM
from mesh.revisions import Revisions
from mesh.stopset import StopSet
from mesh.units import SECOND_NS
from nodes.io.alerthooks import hooks_of
from nodes.io.alertsender import AlertSender, Delivery
from nodes.io.cli.client import Client
from nodes.io.lifeline import End, die_with_parent, is_orphan_of_supervisord

PUMP_MS = 200
LOOK_NS = SECOND_NS
CLOSE_S = 2.0


class Alerting:
    """What is known, what is told, what became of it."""

    def __init__(self, config: Config, sender: AlertSender, log: Log) -> None:
        assert config.settings.alerts is not None, "it runs where there is [alerts] alone"
        self._revisions = Revisions(config)
        self._sender = sender
        self._log = log
        self._stops = StopSet()
        self._book = AlarmBook(config.settings.alerts)
        self._looked_ns = 0
        self._undelivered_count = 0
        self._untold_count = 0
        """Of those, how many no later notice has told of."""

    def hear(self, _router: str, item: Msg) -> None:
        """Something a router publishes: stops are kept here, also of a level this version does not know."""
        if isinstance(item, Signed):
            self._stops.take(encode(item))

    def look(self, client: Client) -> None:
        """Once a second: what is alarming, who has to be told, what has become of what was."""
        now_ns = client.now_ns()
        if now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        view = client.view
        self._revisions.take_all(view.live_changes)
        found = alarms(self._revisions.current, view, self._stops.live(), now_ns, client.is_seeing)
        for notice in self._book.look(found, lambda alarm: can_judge(alarm, view, now_ns), now_ns):
            self._tell(notice, now_ns)
        for delivery in self._sender.results():
            self._delivered(delivery)
        self._log.flush()

    def close(self) -> None:
        """Deliver what waits; what could not be is in the log."""
        self._sender.close(CLOSE_S)
        for delivery in self._sender.results():
            self._delivered(delivery)
        self._log.note(Note("info", "ended", {"undelivered_count": self._undelivered_count}))
        self._log.close()

    def _tell(self, notice: Notice, now_ns: int) -> None:
        untold_count, self._untold_count = self._untold_count, 0
        fields = fields_of(notice, self._revisions.current.settings.mesh.id, now_ns, wall_ns(), untold_count)
        self._log.note(Note("info", "told", {"notice": fields["text"], "kind": notice.kind, "news": notice.event}))
        self._sender.send(msgspec.json.encode(fields))

    def _delivered(self, delivery: Delivery) -> None:
        told = {"hook": delivery.hook, "tries_count": delivery.tries_count}
        if not delivery.why:
            self._log.note(Note("info", "delivered", told))
            return
        self._undelivered_count += 1
        self._untold_count += 1
        lost = {"why": delivery.why, "undelivered_count": self._undelivered_count, "notice": delivery.body.decode()}
        self._log.note(Note("error", "undelivered", {**told, **lost}))


def run_alerting(config: Config, state: Path, is_over: Callable[[], bool]) -> int:
    """Tell of alarms until it is over. Raises BadConfig."""
    alerts = config.settings.alerts
    if alerts is None:
        raise BadConfig("there is no [alerts] in the configuration: nobody is to be told; see `mesh init`")
    hooks = hooks_of(alerts)
    log = Log(state / "log" / f"{ALERTS_PROGRAM}.log", ALERTS_PROGRAM)
    log.note(Note("info", "started", {"hooks": ", ".join(hook.name for hook in hooks)}))
    client = Client(config, state)
    alerting = Alerting(config, AlertSender(hooks, alerts.retry_count), log)
    client.listener = alerting.hear
    try:
        while not is_over():
            client.pump(PUMP_MS)
            alerting.look(client)
    finally:
        client.close()
        alerting.close()
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """What supervisord starts; the exit code."""
    die_with_parent()
    if is_orphan_of_supervisord():
        return 0
    parser = argparse.ArgumentParser(prog="python -m nodes.io.alerting", description="Tell of alarms of a mesh.")
    parser.add_argument("--config", type=Path, required=True, help="the configuration: TOML, or the JSON `mesh up` wrote")
    parser.add_argument("--state", type=Path, required=True, help="where its log and the operator's keys are")
    chosen = parser.parse_args(words)
    from nodes.io.locate import load

    end = End()
    end.listen()
    try:
        return run_alerting(load(chosen.config), chosen.state, end.look)
    except MeshError as error:
        sys.stderr.write(f"mesh: {ALERTS_PROGRAM}: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
