"""Runs one server and ends it when our standard input closes: that happens however the tests end, even by kill -9.

Arguments: end signal, user ("" for our own), folder, command. Each line on standard input is a signal to pass on.
Prints the server's pid. When the tests are gone, the folder goes too.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any

PATIENCE_S = 10.0


def identity(user: str) -> dict[str, Any]:
    """What makes a child process run as `user`; empty for our own."""
    if not user:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def obey(child: "subprocess.Popen[bytes]", end: signal.Signals, orphaned: threading.Event) -> None:
    while words := os.read(0, 1024):
        for name in words.decode().split():
            child.send_signal(signal.Signals[name])
    orphaned.set()
    child.send_signal(end)
    time.sleep(PATIENCE_S)
    os.killpg(child.pid, signal.SIGKILL)


def sweep(group: int) -> None:
    """A server that was killed can leave children behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(end: str, user: str, folder: str, *command: str) -> int:
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=2, cwd=folder, start_new_session=True, **identity(user)
    )
    os.write(1, f"{child.pid}\n".encode())
    orphaned = threading.Event()
    threading.Thread(target=obey, args=(child, signal.Signals[end], orphaned), daemon=True).start()
    code = child.wait()
    sweep(child.pid)
    if orphaned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return abs(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
