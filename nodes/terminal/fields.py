"""Field names of the MetaTrader5 package's structures, in its order, and which of them are numbers with a fraction.

Read from the wheel (``_core.pyd`` 5.0.6231). A row travels as a list of plain values in this order, fractions in e8; the
facade turns those into floats, and does so alone.
"""

_TEXTS: dict[str, str] = {
    "TradePosition": (
        "ticket time time_msc time_update time_update_msc type magic identifier reason volume price_open sl tp "
        "price_current swap profit symbol comment external_id"
    ),
    "TradeOrder": (
        "ticket time_setup time_setup_msc time_done time_done_msc time_expiration type type_time type_filling "
        "state magic position_id position_by_id reason volume_initial volume_current price_open sl tp "
        "price_current price_stoplimit symbol comment external_id"
    ),
    "TradeDeal": (
        "ticket order time time_msc type entry magic position_id reason volume price commission swap profit fee "
        "symbol comment external_id"
    ),
    "TradeRequest": (
        "action magic order symbol volume price stoplimit sl tp deviation type type_filling type_time expiration "
        "comment position position_by"
    ),
    "OrderSendResult": "retcode deal order volume price bid ask comment request_id retcode_external request",
    "OrderCheckResult": "retcode balance equity profit margin margin_free margin_level comment request",
    "Tick": "time bid ask last volume time_msc flags volume_real",
    "TerminalInfo": (
        "community_account community_connection connected dlls_allowed trade_allowed tradeapi_disabled "
        "email_enabled ftp_enabled notifications_enabled mqid build maxbars codepage ping_last community_balance "
        "retransmission company name language path data_path commondata_path"
    ),
    "SymbolInfo": (
        "custom chart_mode select visible session_deals session_buy_orders session_sell_orders volume volumehigh "
        "volumelow time digits spread spread_float ticks_bookdepth trade_calc_mode trade_mode start_time "
        "expiration_time trade_stops_level trade_freeze_level trade_exemode swap_mode swap_rollover3days "
        "margin_hedged_use_leg expiration_mode filling_mode order_mode order_gtc_mode option_mode option_right "
        "bid bidhigh bidlow ask askhigh asklow last lasthigh lastlow volume_real volumehigh_real volumelow_real "
        "option_strike point trade_tick_value trade_tick_value_profit trade_tick_value_loss trade_tick_size "
        "trade_contract_size trade_accrued_interest trade_face_value trade_liquidity_rate volume_min volume_max "
        "volume_step volume_limit swap_long swap_short margin_initial margin_maintenance session_volume "
        "session_turnover session_interest session_buy_orders_volume session_sell_orders_volume session_open "
        "session_close session_aw session_price_settlement session_price_limit_min session_price_limit_max "
        "margin_hedged price_change price_volatility price_theoretical price_greeks_delta price_greeks_theta "
        "price_greeks_gamma price_greeks_vega price_greeks_rho price_greeks_omega price_sensitivity basis "
        "category currency_base currency_profit currency_margin bank description exchange formula isin name page "
        "path"
    ),
    "AccountInfo": (
        "login trade_mode leverage limit_orders margin_so_mode trade_allowed trade_expert margin_mode "
        "currency_digits fifo_close balance credit profit equity margin margin_free margin_level margin_so_call "
        "margin_so_so margin_initial margin_maintenance assets liabilities commission_blocked name server "
        "currency company"
    ),
    "BookInfo": "type price volume volume_dbl",
}

FIELDS: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _TEXTS.items()}
"""Structure name → field names."""


def _between(structure: str, first: str, last: str) -> tuple[str, ...]:
    names = FIELDS[structure]
    return names[names.index(first) : names.index(last) + 1]


FRACTIONS: dict[str, tuple[str, ...]] = {
    "TradePosition": ("volume", "price_open", "sl", "tp", "price_current", "swap", "profit"),
    "TradeOrder": _between("TradeOrder", "volume_initial", "price_stoplimit"),
    "TradeDeal": _between("TradeDeal", "volume", "fee"),
    "TradeRequest": _between("TradeRequest", "volume", "tp"),
    "OrderSendResult": _between("OrderSendResult", "volume", "ask"),
    "OrderCheckResult": _between("OrderCheckResult", "balance", "margin_level"),
    "Tick": ("bid", "ask", "last", "volume_real"),
    "TerminalInfo": ("community_balance", "retransmission"),
    "SymbolInfo": _between("SymbolInfo", "bid", "price_sensitivity"),
    "AccountInfo": _between("AccountInfo", "balance", "commission_blocked"),
    "BookInfo": ("price", "volume_dbl"),
}
"""Structure name → the fields that are floats in the package and e8 integers here."""
