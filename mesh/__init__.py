"""The wire: messages, codec, effects, units, errors, configuration and the small machines of the mesh."""

__version__ = "0.1.0"
"""Of the distribution. Read from here: to ask what is installed costs each process 3 MiB and 30 ms."""
