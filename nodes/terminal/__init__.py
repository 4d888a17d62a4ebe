"""The simulated MetaTrader 5 terminal: a pure ledger and matching engine."""
