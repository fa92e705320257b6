"""Runs a command and prints its exit status and its peak memory as the system accounts for it.

A script of its own, started for each command, because a process that is begun by a large one
inherits that one's size in ``ru_maxrss``: the account starts before the new program does. This one
is small. It imports nothing but what the interpreter has loaded anyway.

    python -I -S launcher.py COMMAND [ARGUMENT ...]
"""

import os
import sys


def main() -> None:
    """Print "status ru_maxrss" of the command; what it prints itself goes to standard error."""
    command = sys.argv[1:]
    to_stderr = [(os.POSIX_SPAWN_DUP2, 2, 1)]
    process = os.posix_spawn(command[0], command, os.environ, file_actions=to_stderr)
    _, status, usage = os.wait4(process, 0)
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)


if __name__ == "__main__":
    main()
