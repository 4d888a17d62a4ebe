"""The indicator: ticks into bars, bars into CCI and candle signals."""
