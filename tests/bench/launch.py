"""Runs a command and says what it took: `launch.py FD COMMAND ...` writes seconds, kB and how it ended to FD.

A process is said to have had at least the memory of the one that starts it: so a small one does.
"""

import json
import os
import sys
import time


def main() -> None:
    report, *command = sys.argv[1:]
    begin = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    taken = {
        "seconds": time.perf_counter() - begin,
        "memory": usage.ru_maxrss,
        "code": os.waitstatus_to_exitcode(status),
    }
    os.write(int(report), json.dumps(taken).encode())


if __name__ == "__main__":
    main()
