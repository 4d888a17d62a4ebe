"""``mesh reload``: what can change while all nodes run (limits, targets, distances) changes everywhere, or nowhere.

First the change itself goes to every account, router and the master, and each says whether it can be made there; nothing has changed by
then. Only when all have said so is it put in force, by a second signed word. Both stay in the kill set for ever: a node that comes later,
from whatever older file, gets them. So the file that nodes start with stays as it is; the new one is kept beside it, under its number.
"""

import secrets
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from mesh.codec import encode
from mesh.config import Config
from mesh.configdiff import LIVE, Change, changes
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages.control import Activation, Revision
from mesh.messages.health import NodeHealth
from mesh.revisions import patch_of, prepared_word
from mesh.texts import iso_of
from mesh.units import SECOND_NS
from mesh.view import View
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, check_unasked, is_confirmed, operator_name
from nodes.io.cli.carrying import Asked, Carried, carry, unfit_nodes
from nodes.io.cli.client import LOOK_S, Client, attached_to
from nodes.io.cli.configchanges import check_hows, running_config, show, wanted_of
from nodes.io.cli.configversions import keep, path_of
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.stoprun import StopEnd, account_document, verdict_line
from nodes.io.cli.stops import Wish, needed_reason, signer_here
from nodes.io.locate import Running, find, load

WAIT_S = 10.0
"""For each of the two words, where nothing else is said."""
WITHOUT = "; it opens nothing once the leave it holds has run out ({grant_s:g} s), until it has the change"


class Ended(msgspec.Struct, frozen=True):
    """How a reload ended. ``unfit``: nodes that were not up with what runs, before anything was sent; ``rival``: the change for which this
    one was given up.
    """

    revision: Revision
    found: list[Change]
    unfit: dict[str, str] = {}
    rival: str = ""
    prepared: Carried | None = None
    in_force: Carried | None = None

    @property
    def is_in_force(self) -> bool:
        """Whether every account and every node runs it."""
        return self.in_force is not None and self.in_force.is_complete


def reload_config(file: Path, wish: Wish) -> int:
    """Have a running mesh take what a file changes, live; 0 where all run it, 3 where not. Raises BadConfig, BadUsage, NoMesh."""
    reason = needed_reason(wish.reason, "the configuration changes")
    if wish.as_json:
        check_unasked(wish.dry_run, wish.yes)
    config, running = find(wish.config)
    base = config if running is None else load(Path(running.config))  # what nodes were started with, whatever the file says by now
    grant_s = base.settings.timers.grant_ms / 1_000
    with attached_to(base, None if running is None else Path(running.state)) as client:
        before = running_config(client)
        after = wanted_of(file, before)
        found = changes(before, after)
        if not wish.as_json:
            show(found, file)
        check_hows(found, (LIVE,), file)
        if not found:
            return _tell_nothing(_unfit(client, _runs(before.fingerprint)), before, wish)
        revision = Revision(
            "", secrets.randbits(62), time.time_ns(), next_number(client.view), before.fingerprint, after.fingerprint,
            patch_of(before, after), reason, operator_name(),
        )  # fmt: skip
        unfit = _unfit(client, _runs(before.fingerprint))
        if unfit or wish.dry_run:
            return _tell(Ended(revision, found, unfit), wish, grant_s)
        signer = signer_here(base, running, wish.config, wish.key)
        if not is_confirmed(f"Change {revision.number}: have all nodes take this now?", wish.yes):
            return NOT_DONE
        ended = _carried(client, signer, msgspec.structs.replace(revision, issuer=signer.name), found, wish)
    code = _tell(ended, wish, grant_s)
    is_taken = ended.in_force is not None and ended.in_force.is_taken  # it spreads by itself: what ran before is the way back
    for words in _keep(before, after, file, running) if is_taken else ():
        if not wish.as_json:
            say(words)
    return code


def next_number(view: View) -> int:
    """Above that of every change there ever was, those included that never came into force."""
    return max((item.number for item in view.live_changes.values() if isinstance(item, Revision)), default=0) + 1


def rival_of(revision: Revision, client: Client) -> str:
    """Which change this one is given up for, because it would take that one back unseen; empty: none.

    Two that are made at the same time lead on from the same configuration, and the second in force would undo the first. So the one with
    the lower number (where they are equal, the lower id) gives way: it is the other that nodes say fits. Begun later, one has a higher
    number than all that were there, so one that was given up, or never came into force, hinders nobody.
    """
    client.look_anew()
    if not client.is_seeing:
        return "no router shows all it knows, so nobody can tell whether somebody else makes a change, too"
    runs = running_config(client).fingerprint
    if runs != revision.before:
        return f"somebody has changed what runs meanwhile: it is {runs}, not {revision.before}"
    own = revision.number, entry_id(encode(revision))
    for key, item in client.view.live_changes.items():
        if isinstance(item, Revision) and (item.number, key) > own:
            return f"change {item.number} of {item.by or item.issuer} ({item.reason}) has been under way since {iso_of(item.issued_ns)}"
    return ""


def _unfit(client: Client, asked: Asked) -> dict[str, str]:
    """Who does not say what it should, after a while in which every node has told of itself."""
    end_ns = client.now_ns() + int(LOOK_S * SECOND_NS)
    while (unfit := unfit_nodes(client, asked)) and client.now_ns() < end_ns:
        client.pump(100)
    return unfit


def _runs(fingerprint: str) -> Asked:
    """Asks whether a node runs this configuration."""

    def asked(health: NodeHealth) -> str:
        if "change" not in health.facts:
            return f"is of version {health.version or '-'}, which knows no live changes"
        return "" if health.config_hash == fingerprint else f"runs {health.config_hash or 'another one'}, not {fingerprint}"

    return asked


def _carried(client: Client, signer: Signer, revision: Revision, found: list[Change], wish: Wish) -> Ended:
    """Have all of them hold the change, and only then put it in force."""
    key = entry_id(encode(revision))
    limit_s = wish.limit_s or WAIT_S
    said: set[str] = set()

    def fits(health: NodeHealth) -> str:
        word = health.facts.get("change", "")
        if word == prepared_word(key):
            return ""
        return word.partition(" ")[2] if word.startswith(key.hex()[:16]) else "does not say that the change fits"

    def told(stands: StopEnd) -> None:
        for verdict in stands.verdicts:
            if verdict.is_confirmed and verdict.account not in said and not wish.as_json:
                said.add(verdict.account)
                say(verdict_line(verdict, f"change {revision.number} in force"), at_once=True)

    if rival := rival_of(revision, client):
        return Ended(revision, found, rival=rival)
    prepared = carry(client, signer, revision, fits, limit_s, lambda stands: None)
    rival = rival_of(revision, client)
    if rival or not prepared.is_complete:
        return Ended(revision, found, prepared=prepared, rival=rival)
    if not wish.as_json:
        say(f"change {revision.number} is with all {len(client.config.account)} accounts and fits; now it is put in force", at_once=True)
    activation = Activation(signer.name, secrets.randbits(62), time.time_ns(), key, revision.reason, revision.by)
    return Ended(revision, found, prepared=prepared, in_force=carry(client, signer, activation, _runs(revision.after), limit_s, told))


# for people and programs


def _tell(ended: Ended, wish: Wish, grant_s: float) -> int:
    """How it ended; 0 where it is in force everywhere, or would be tried. ``grant_s``: for how long leave to open lasts."""
    if wish.as_json:
        say_json(document(ended, wish.dry_run))
    elif ended.unfit:
        for node, why in ended.unfit.items():
            say(f"{node} {why}", sys.stderr)
        say("nothing has changed: master, routers and locals have to be up and run what runs; see `mesh status`", sys.stderr)
    elif ended.rival:
        if ended.prepared is not None:
            _tell_missing(ended.prepared)
        say(f"{ended.rival}; this command has changed nothing: see `mesh config show`, then reload again", sys.stderr)
    elif ended.in_force is not None:
        _tell_in_force(ended.revision, ended.in_force, WITHOUT.format(grant_s=grant_s))
    elif ended.prepared is not None:
        _tell_missing(ended.prepared)
        say("nothing has changed: the change is not in force", sys.stderr)
    return 0 if ended.is_in_force or (wish.dry_run and not ended.unfit) else NOT_ALL


def _tell_nothing(unfit: dict[str, str], runs: Config, wish: Wish) -> int:
    """The file is what is in force; 3 where somebody does not run it all the same."""
    if wish.as_json:
        say_json({"format": 1, "changes": [], "in_force": not unfit, "after": runs.fingerprint, "lacking": unfit})
    else:
        for node, why in unfit.items():
            say(f"NOT CONFIRMED  {node}  {why}", sys.stderr)
    return NOT_ALL if unfit else 0


def _tell_missing(carried: Carried, meaning: str = "") -> None:
    """Who lacks it, and what that means for an account."""
    for verdict in carried.stands.verdicts:
        if not verdict.is_confirmed:
            say(f"{verdict_line(verdict, '')}{meaning}", sys.stderr)
    for node, why in carried.lacking.items():
        say(f"NOT CONFIRMED  {node}  {why}", sys.stderr)


def _tell_in_force(revision: Revision, carried: Carried, without: str) -> None:
    what = f"change {revision.number}"
    if carried.is_complete:
        say(f"{what} is in force: {revision.before} → {revision.after}")
    elif carried.is_taken:
        _tell_missing(carried, without)
        words = "it spreads by itself, and an account opens only where it, its router and the master have it"
        say(f"{what} ({revision.before} → {revision.after}) is not in force everywhere yet; {words}", sys.stderr)
    else:
        _tell_missing(carried)
        say(f"nobody has said that {what} is in force; look at `mesh status`, then try again", sys.stderr)


def document(ended: Ended, dry_run: bool) -> dict[str, Any]:
    """The same for programs."""
    revision, carried = ended.revision, ended.in_force or ended.prepared
    return {
        "format": 1,
        "dry_run": dry_run,
        "number": revision.number,
        "id": entry_id(encode(revision)).hex() if carried is not None else "",
        "before": revision.before,
        "after": revision.after,
        "changes": [msgspec.structs.asdict(change) for change in ended.found],
        "issuer": revision.issuer,
        "by": revision.by,
        "reason": revision.reason,
        "prepared": ended.prepared is not None and ended.prepared.is_complete,
        "in_force": ended.is_in_force,
        "accounts": [account_document(verdict) for verdict in carried.stands.verdicts] if carried is not None else [],
        "lacking": ended.unfit if carried is None else carried.lacking,
        "rival": ended.rival,
    }


def _keep(before: Config, after: Config, file: Path, running: Running | None) -> list[str]:
    """Keep the new configuration where the mesh was started; what is to be said of files."""
    if running is None:
        harmless = "files of hosts are older now, which does no harm: nodes put the change on top"
        return [f"{harmless}; write it into mesh.toml too, for the next `mesh hosts build`"]
    number = keep(before, after, Path(running.state))
    new, old = (path_of(Path(running.state), each) for each in (number, number - 1))
    words = [f"kept as {new}; the way back: mesh reload {old} --reason …"]
    if running.given and Path(running.given) != file.resolve():
        words.append(f"{running.given} does not say so yet: write it there too, for `mesh config apply` takes all that a file says")
    return words
