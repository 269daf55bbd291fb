"""Runs a program that prints into a file: ``python -m ...print_to_file FILE PROGRAM``.

The program itself holds the file open, so that what it prints arrives even if no one is left to
read. No shell is needed for that.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import NoReturn

_CANNOT_START = 127


def run(file: str, program: list[str]) -> NoReturn:
    """Become the program; exits with 127 if the file or the program cannot be opened."""
    try:
        file_fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        status = os.fstat(file_fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            sys.exit(f"{file} is no file of vampd's")
        # Only now: what is not vampd's is not emptied.
        os.ftruncate(file_fd, 0)
        os.dup2(file_fd, sys.stdout.fileno())
        os.execvp(program[0], program)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        sys.exit(_CANNOT_START)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
