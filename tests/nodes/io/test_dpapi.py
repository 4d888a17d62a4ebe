"""Windows' data protection, as far as it can be seen without Windows: what is handed over, what is taken back, what is freed."""

import ctypes
from typing import Any

import pytest

from mesh.errors import BadConfig
from nodes.io.dpapi import UI_FORBIDDEN, Blob, protect, unprotect

MARK = b"dpapi:"


class FakeWindows:
    """crypt32 and kernel32 that turn bytes round behind a mark, by the pointers they are given."""

    def __init__(self) -> None:
        self.crypt32 = self.kernel32 = self
        self.asked: list[tuple[Any, int]] = []
        self.given_out: list[Any] = []
        self.freed: list[bytes] = []

    def CryptProtectData(self, given: Any, description: Any, entropy: Any, reserved: Any, prompt: Any, flags: int, made: Any) -> int:
        assert (entropy, reserved, prompt) == (None, None, None)
        return self._answer(MARK + self._taken(given, description, flags)[::-1], made)

    def CryptUnprotectData(self, given: Any, description: Any, entropy: Any, reserved: Any, prompt: Any, flags: int, made: Any) -> int:
        assert (entropy, reserved, prompt) == (None, None, None)
        raw = self._taken(given, description, flags)
        return self._answer(raw.removeprefix(MARK)[::-1], made) if raw.startswith(MARK) else 0

    def LocalFree(self, pointer: Any) -> None:
        buffer = next(each for each in self.given_out if ctypes.addressof(each) == ctypes.addressof(pointer.contents))
        self.freed.append(buffer.raw)

    def last_error(self) -> int:
        return 13

    def _taken(self, given: Any, description: Any, flags: int) -> bytes:
        self.asked.append((description, flags))
        blob: Blob = given._obj
        return ctypes.string_at(blob.data, blob.size_bytes)

    def _answer(self, raw: bytes, made: Any) -> int:
        buffer = ctypes.create_string_buffer(raw, len(raw))
        self.given_out.append(buffer)
        blob: Blob = made._obj
        blob.size_bytes, blob.data = len(raw), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char))
        return 1


def test_what_is_protected_comes_back() -> None:
    """Zero bytes within it too; a service is never asked by a window; what Windows handed out is wiped, then freed."""
    windows, raw = FakeWindows(), bytes(range(32))
    kept = protect(raw, windows)
    assert kept == MARK + raw[::-1]
    assert unprotect(kept, windows) == raw
    assert windows.asked == [("trademesh", UI_FORBIDDEN), (None, UI_FORBIDDEN)]
    assert windows.freed == [bytes(len(kept)), bytes(len(raw))]


def test_other_user_is_told_why() -> None:
    """What Windows does not open is one line with its code."""
    with pytest.raises(BadConfig, match=r"only the user who sealed it can have it, on the same machine \(CryptUnprotectData: error 13\)"):
        unprotect(b"of somebody else", FakeWindows())


def test_without_windows_it_says_so() -> None:
    """A file sealed on Windows and carried elsewhere."""
    with pytest.raises(BadConfig, match="this is no Windows"):
        unprotect(b"kept")
