"""The wire: messages, codec, effects, units, errors, configuration and the small machines of the mesh."""
