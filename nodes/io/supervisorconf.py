"""What one supervisord.conf says: programs that come back but for STAY_DOWN, who tells of those that do not, a UNIX socket and no other."""

import msgspec

START_ORDER = ("market", "broker", "master", "signals", "router", "indicator", "local")
STAY_DOWN = (0, 70, 78)
"""Exit codes after which a process is not started again (DESIGN §9; 0: it was told to end)."""
WATCH = "fleet-watch"
"""supervisord's name of the event listener (``nodes.io.fleetwatch``)."""
EVENTS_COUNT = 1_000
"""Events that wait for the listener; supervisord drops the oldest of more."""


class SupervisorConf(msgspec.Struct, frozen=True):
    """One supervisord. Paths and words are as it is to read them: a percent sign that is one is doubled.

    ``programs``: name → the words of its command; ``watch``: those of the listener; ``stop_s``: its patience with a program that was
    asked to end; ``user``: it runs as; ``environment``: of the programs named, beside supervisord's own.
    """

    socket: str
    state: str
    programs: dict[str, list[str]]
    watch: list[str]
    stop_s: int
    user: str = ""
    environment: dict[str, str] = {}

    def text(self) -> str:
        """The file."""
        root = f"user={self.user}\n" if self.user else ""
        parts = [
            f"[unix_http_server]\nfile={self.socket}\nchmod=0600\n",
            f"[supervisord]\nnodaemon=true\nlogfile={self.state}/log/supervisord.log\nlogfile_maxbytes=5MB\n"
            f"logfile_backups=1\npidfile={self.state}/run/supervisord.pid\nchildlogdir={self.state}/log\n"
            f"minfds=4096\nsilent=true\n{root}",
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
            f"[supervisorctl]\nserverurl=unix://{self.socket}\n",
        ]
        for priority, (name, words) in enumerate(self.programs.items(), start=1):
            parts.append(self._program(name, words, priority))
        parts.append(self._watch())
        return "\n".join(parts)

    def _program(self, name: str, words: list[str], priority: int) -> str:
        environment = f"environment={self.environment[name]}\n" if name in self.environment else ""
        return (
            f"[program:{name}]\ncommand={_command(words)}\npriority={priority}\nautostart=true\n"
            # Everything but STAY_DOWN comes back. A node never exits because a peer is down.
            f"autorestart=unexpected\nexitcodes={','.join(map(str, STAY_DOWN))}\nstartsecs=1\nstartretries=1000\n"
            f"stopsignal=TERM\nstopwaitsecs={self.stop_s}\nredirect_stderr=true\n{environment}"
            f"stdout_logfile={self.output(name)}\nstdout_logfile_maxbytes=5MB\nstdout_logfile_backups=1\n"
        )

    def _watch(self) -> str:
        """Who tells the routers of nodes that are down. Its standard output is supervisord's alone."""
        return (
            f"[eventlistener:{WATCH}]\ncommand={_command(self.watch)}\nevents=PROCESS_STATE\nbuffer_size={EVENTS_COUNT}\nautostart=true\n"
            f"autorestart=true\nstartsecs=1\nstartretries=1000\nstopsignal=TERM\nstopwaitsecs=2\n"
            f"stdout_logfile=NONE\nstderr_logfile={self.output(WATCH)}\nstderr_logfile_maxbytes=1MB\nstderr_logfile_backups=1\n"
        )

    def output(self, name: str) -> str:
        """Where what a program prints is kept."""
        return f"{self.state}/log/{name}.out"


def _command(words: list[str]) -> str:
    return " ".join(f'"{word}"' for word in words)
