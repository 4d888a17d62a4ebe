"""The simulated broker: the process that hosts the terminals of all simulated accounts."""
