"""What connects the roles to the world: composition, command line, feeds, the MetaTrader 5 facade, workers."""
