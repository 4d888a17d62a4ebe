"""A small fleet for tests: brain, routers and locals on three hosts, addresses of the loopback net."""

FLEET = """# our fleet
[mesh]
id = "fleet"

[market]
symbols = ["EURUSD", "GBPUSD"]  # two will do

[strategy.hand]
kind = "manual"

[account.demo-1]
login = 5001
[account.demo-2]
login = 5002
mode = "demo"  # for now
[account.demo-3]
login = 5003

# ---- nodes
[node.market-1]
role = "market"
host = "127.0.0.2"
[node.broker-1]
role = "broker"
host = "127.0.0.2"
[node.cci-1]
role = "indicator"
host = "127.0.0.2"
[node.signals-1]
role = "signals"
host = "127.0.0.2"
[node.master-1]
role = "master"
host = "127.0.0.2"
[node.router-1]
role = "router"
host = "127.0.0.3"
[node.router-2]
role = "router"
host = "127.0.0.3"
[node.local-1]
role = "local"
account = "demo-1"
host = "127.0.0.4"
[node.local-2]
role = "local"
account = "demo-2"
host = "127.0.0.4"
[node.local-3]
role = "local"
account = "demo-3"
host = "127.0.0.4"
"""
REAL = FLEET.replace("login = 5003", "login = 5003\nterminal = 'C:\\MT5 & co\\terminal64.exe'").replace(
    'account = "demo-3"\nhost = "127.0.0.4"', 'account = "demo-3"\nhost = "127.0.0.9"'
)
"""The same with an account at a real terminal, on a host of its own."""
