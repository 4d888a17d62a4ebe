"""The operator's console, in Textual: one more subscriber, which can also stop things."""
