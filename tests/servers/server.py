"""The base of all servers that the tests start: a process in a folder of its own that never outlives the tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START_S = 20.0
STOP_S = 15.0
KEEPER = Path(__file__).with_name("keeper.py")


class ServerFailed(Exception):
    """A server did not start or did not stop; the message ends with its log."""


def unprivileged() -> str:
    """The user for servers that refuse to run as root; empty when we are not root."""
    return "nobody" if os.geteuid() == 0 else ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def greets(port: int) -> bool:
    """Whether a server speaks first, as IMAP, SMTP and LMTP servers do once they are up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False


class Server:
    """Subclasses say what to run (`command`) and when it is up (`ready`)."""

    name = "server"
    account = ""  # the system user that it runs as; empty for our own
    end = signal.SIGTERM

    def __init__(self) -> None:
        # A short path: the name of a unix socket has at most 104 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix=f"hy-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None
        if self.account:
            shutil.chown(self.folder, self.account)

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        keeper = [sys.executable, "-P", str(KEEPER), self.end.name, self.account, str(self.folder)]
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*keeper, *self.command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self.pid = int(self._process.stdout.readline() or 0)
        self._await_ready()

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ends the process and waits for it. `how`: SIGKILL stands for a crash."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            if process.poll() is None:
                self._tell(process, how or self.end)
                process.wait(STOP_S)
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(
                f"{self.name}: still running {STOP_S} s after {how or self.end}\n{self.log()}"
            ) from error
        finally:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def log(self) -> str:
        return "\n".join(file.read_text("utf-8", "replace")[-3000:] for file in sorted(self.folder.glob("*.log")))

    def _tell(self, process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{how.name}\n".encode())
        process.stdin.flush()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.ready():
            if not self.running or time.monotonic() > deadline:
                log = self.log()
                self.stop(signal.SIGKILL)
                raise ServerFailed(f"{self.name}: did not start\n{log}")
            time.sleep(0.02)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
