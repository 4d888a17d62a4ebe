"""The systemd unit that runs a host's supervisord: what it may do, how long its end may take, when it is not started again."""

from pathlib import PurePosixPath

from mesh.config import Config
from nodes.io.hosts.hostfile import STATE
from nodes.io.hosts.plan import HostPlan
from nodes.io.secretkeys import LOADED

UNIT, USER = "trademesh.service", "trademesh"
FILES_COUNT = 65_536
REALTIME = ("fifo", "rr")


def stop_s_of(plan: HostPlan, stop_s: int) -> int:
    """How long the end of a host may take: supervisord ends its programs one after the other. ``stop_s``: of one."""
    return stop_s * (len(plan.processes) + 1) + 5


def unit_text(plan: HostPlan, config: Config, at: PurePosixPath, stop_s: int) -> str:
    """The unit of a host whose folder lies ``at``. ``stop_s``: supervisord's patience with one program."""
    sections = [config.settings.process.get(process) for process in plan.processes]
    is_realtime = any(section is not None and section.scheduler in REALTIME for section in sections)
    realtime = "# scheduler = fifo or rr in mesh.toml\nLimitRTPRIO=99\n" if is_realtime else "RestrictRealtime=yes\n"
    return f"""# trademesh on {plan.name}: {", ".join(plan.processes)}. Written by `mesh hosts build` for a folder at {at}.
[Unit]
Description=trademesh on {plan.name}
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={USER}
WorkingDirectory={at}
ExecStart="{at}/mesh" hosts run
# `mesh down` ends it for good; killed, or ended by itself, it comes back, and its nodes with it: one copy of each. What only a person
# can mend (78) stays down, as single nodes do under supervisord.
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=70 78
# supervisord alone is asked to end: it drains its nodes, {stop_s} s for each at most
KillMode=mixed
TimeoutStopSec={stop_s_of(plan, stop_s)}
LimitNOFILE={FILES_COUNT}
LimitCORE=0
{realtime}# Passwords sealed by `mesh secret set` need this host's key: take the # away where there are any.
#{LOADED}
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths={at / STATE}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
# not MemoryDenyWriteExecute: numba compiles the indicators when they are first asked for

[Install]
WantedBy=multi-user.target
"""
