"""The local: one account, its orders, its guard, what it manages by itself."""
