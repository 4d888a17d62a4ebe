"""The signals node: takes signals from authorised sources and hands each to the master once."""
