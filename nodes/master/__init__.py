"""The master: decides for all accounts, and accounts for every line."""
