"""The last_error pairs of the MetaTrader5 package, with its exact texts (mt5.md, "last_error codes and texts")."""

from nodes.terminal import names

Error = tuple[int, str]
"""The last_error pair."""

SUCCESS: Error = (names.RES_S_OK, "Success")
FAILED: Error = (names.RES_E_FAIL, "Terminal: Call failed")
INVALID_PARAMS: Error = (names.RES_E_INVALID_PARAMS, "Terminal: Invalid params")
OUT_OF_MEMORY: Error = (names.RES_E_NO_MEMORY, "Terminal: Out of memory")
"""What is answered where a value is too long to be sent."""
NOT_FOUND: Error = (names.RES_E_NOT_FOUND, "Terminal: Not found")
UNAUTHORISED: Error = (names.RES_E_AUTH_FAILED, "Terminal: Authorization failed")
UNSUPPORTED: Error = (names.RES_E_UNSUPPORTED, "Terminal: Unsupported function")
SEND_FAILED: Error = (names.RES_E_INTERNAL_FAIL_SEND, "IPC send failed")
RECEIVE_FAILED: Error = (names.RES_E_INTERNAL_FAIL_RECEIVE, "IPC recv failed")
NO_CONNECTION: Error = (names.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
TIMEOUT: Error = (names.RES_E_INTERNAL_FAIL_TIMEOUT, "IPC timeout")
"""Of initialize and login alone: the account was not authorised in time."""
WRONG_MODE: Error = (names.RES_E_UNSUPPORTED, "Unsupported authorization mode, OTP or certificate password needed")
"""UNSUPPORTED as initialize and login say it."""
INCOMPATIBLE: Error = (
    names.RES_E_INVALID_VERSION, "Terminal: Incompatible versions, please install the latest version of Terminal and Python module"
)  # fmt: skip


def initialize_failed(why: str) -> Error:
    """Of initialize: no terminal was found, or it let nobody in."""
    return names.RES_E_INTERNAL_FAIL_INIT, f"IPC initialize failed, {why}"


def refused_argument(text: str) -> Error:
    """Of a call whose arguments are refused before anything is sent."""
    return names.RES_E_INVALID_PARAMS, text


NO_ANSWER: Error = initialize_failed("Pipe server didn't answer in 60 sec")
API_DISABLED: Error = (names.RES_E_AUTO_TRADING_DISABLED, "Auto-Trading using Python API disabled in Terminal")
ERRORS: dict[int, Error] = {
    error[0]: error
    for error in (
        FAILED, INVALID_PARAMS, OUT_OF_MEMORY, NOT_FOUND, UNAUTHORISED, UNSUPPORTED, API_DISABLED, SEND_FAILED, RECEIVE_FAILED, TIMEOUT,
        NO_CONNECTION, (names.RES_E_INTERNAL_FAIL, "IPC call failed"),
    )
}  # fmt: skip
"""By code, those a call of the terminal can end in."""
