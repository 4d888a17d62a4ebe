"""Rows of market data files: recognising their layout, reading times and exact numbers, checking, playing bars as ticks."""
