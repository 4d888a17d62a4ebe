"""Runs the few words of cmd.exe that our scripts are made of, with fakes in place of programs. Any other word is an error of the script."""

import re
from collections.abc import Callable

LINES_MAX = 10_000
Program = Callable[[str], int]
"""Takes a command line, gives its exit code."""


class CmdScript:
    """One script. ``run`` gives what it ends with; ``said`` what it printed."""

    def __init__(self, text: str, program: Program) -> None:
        assert text.count("\n") == text.count("\r\n"), "cmd.exe finds no label in a file without its own line ends"
        self._lines = text.split("\r\n")
        self._program = program
        self._variables: dict[str, str] = {"errorlevel": "0", "~dp0": "C:\\mesh\\"}
        self.said: list[str] = []

    def run(self) -> int:
        at = 0
        for _ in range(LINES_MAX):
            if at >= len(self._lines):
                return int(self._variables["errorlevel"])
            line = self._expanded(self._lines[at].strip())
            at += 1
            if not line or line.startswith((":", "rem ", "@echo off", "title ", "cd ", "if not exist ")):
                continue
            if match := re.fullmatch(r"if (-?\d+)==(-?\d+) goto (\w+)", line):
                at = self._label(match[3]) if match[1] == match[2] else at
            elif match := re.fullmatch(r"goto (\w+)", line):
                at = self._label(match[1])
            elif match := re.fullmatch(r"set (\w+)=(.*)", line):
                self._variables[match[1]] = match[2]
            elif match := re.fullmatch(r"exit /b (-?\d+)", line):
                return int(match[1])
            elif match := re.fullmatch(r"(.+) \|\| exit /b (\d+)", line):
                if self._call(match[1]):
                    return int(match[2])
            elif line.startswith("echo "):
                self.said.append(line[5:])
            else:
                self._call(line)
        raise AssertionError("it goes round for ever")

    def _call(self, line: str) -> int:
        code = self._program(line)
        self._variables["errorlevel"] = str(code)
        return code

    def _label(self, name: str) -> int:
        return self._lines.index(f":{name}") + 1

    def _expanded(self, line: str) -> str:
        line = line.replace("%~dp0", self._variables["~dp0"])
        return re.sub(r"%(\w+)%", lambda match: self._variables[match[1]], line)
