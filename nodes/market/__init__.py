"""The market: owns the feed and market time, which goes in blocks."""
