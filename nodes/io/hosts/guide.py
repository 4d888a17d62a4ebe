"""The README of a host's folder: what it is, and the three commands to run there."""

from pathlib import PurePath

from nodes.io.hosts.plan import HostPlan
from nodes.io.hosts.unit import UNIT, USER
from nodes.io.hosts.windows import NEVER_RUN, start_name

INSTALL = "-m pip install --no-index --find-links wheels --require-hashes -r wheels/requirements.txt"


def linux_guide(plan: HostPlan, at: PurePath) -> str:
    """Of a host with systemd."""
    return f"""# trademesh on {plan.name}

Runs {_listed(plan)}. Bring this folder there as `{at}` on a way nobody else can read (it holds private keys), and into it, as `wheels`,
what `mesh hosts bundle` made for Linux. Python 3.11 with its venv module is all it needs. Then, as root, there:

```
cd {at} && python3 -m venv venv && venv/bin/python {INSTALL}
useradd --system --home-dir {at} --shell /usr/sbin/nologin {USER}; chown -R {USER}: {at}/state
systemctl enable --now {at}/{UNIT}
```

`sudo -u {USER} {at}/mesh wait-ready` says when all of the fleet is ready; `{at}/mesh status`, `logs`, `doctor`, `restart NODE` work there
likewise: `./mesh` is the command with this folder's configuration and keys. Its key may watch and nothing else.

After a change of the fleet: bring the new `mesh.toml` and `state/keys/inventory.toml`, then `{at}/mesh restart NODE`, one node after the
other. Where the nodes of this host have changed, bring `host.toml`, `supervisord.conf` and the new keys, too, and
`{at}/venv/bin/supervisorctl -c {at}/supervisord.conf update`: what is new starts, what runs is left alone.
Files that are brought have to be readable for {USER}: `chown -R {USER}: {at}/state` once more.

Hard caps of this host's own go into `host.toml`. The last resort without any network: a file named `STOP` in `{at}/state` stops what runs
here, as long as it is there. An end for good: `systemctl stop {UNIT}`.
"""


def windows_guide(plan: HostPlan, at: PurePath) -> str:
    """Of a host with MetaTrader 5."""
    first = next(iter(plan.processes))
    return f"""# trademesh on {plan.name}

**{NEVER_RUN}** What stands here was tested on Linux, with fakes in place of Windows: try it on a demo account, and watch it.

Runs {_listed(plan)}. Bring this folder there as `{at}` on a way nobody else can read (it holds private keys), and into it, as `wheels`,
what `mesh hosts bundle --platform windows` made. Python 3.11 from python.org and MetaTrader 5 with its account logged in are all it needs.
Then, as the user whose desktop MetaTrader 5 runs on, in a command window that is opened as administrator:

```
cd /d {at} && py -m venv venv && venv\\Scripts\\python {INSTALL}
icacls {at} /inheritance:r /grant:r "%USERDOMAIN%\\%USERNAME%:(OI)(CI)F"
install.cmd
```

The last one has each node start when this user logs on (let Windows log him on by itself after a restart of the machine), and now:
MetaTrader 5 needs his desktop, so no service can do it. `{start_name(first)}` is all there is to it: it starts the node again whatever it
ends with, but for 0, 70 and 78. `mesh.cmd status` is the command with this folder's configuration and keys; they may watch and no more.

A node ends when its window is closed; nothing is lost by that. After a change of the fleet bring the new `mesh.toml` and
`state\\keys\\inventory.toml`, close the windows and run `install.cmd` once more. Hard caps of this host's own go into `host.toml`. The last
resort without any network: a file named `STOP` in `{at}\\state` stops what runs here, as long as it is there.
"""


def operator_guide(name: str, at: PurePath) -> str:
    """Of a folder on which no node runs."""
    return f"""# trademesh: {name}'s desk

No node runs here; commands do. Bring this folder to where {name} works, on a way nobody else can read (it holds {name}'s private keys),
and into it, as `wheels`, what `mesh hosts bundle` made. Then, there, e.g. in `{at}`:

```
python3 -m venv venv && venv/bin/python {INSTALL}
./mesh wait-ready
./mesh console
```

`./mesh` is the command with this folder's configuration and keys: `status`, `positions`, `signal`, `kill` …
"""


def _listed(plan: HostPlan) -> str:
    return ", ".join(plan.nodes)
