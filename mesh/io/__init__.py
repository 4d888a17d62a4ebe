"""What the wire needs of the world: sockets, shell, clock, store, keys, log."""
