"""A program for the supervisor's tests: a group of children that write down what happens to them.

Usage: python -m tests.tooling.group_of_fakes DIRECTORY NAME=BEHAVIOUR...
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from shop.supervisor import Group, Service, Task, say, supervise


def child(directory: Path, name: str, behaviour: str) -> None:
    """Be one child: `steady`, `stubborn` (ignores SIGTERM), `dies`, or `parent` (has a child)."""
    log = directory / "log"
    (directory / f"{name}.pid").write_text(str(os.getpid()))

    def on_term(number: int, frame: object) -> None:
        with log.open("a") as file:
            file.write(f"{name} stopped\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "stubborn" else on_term)
    if behaviour == "parent" and not os.fork():
        child(directory, f"{name}-child", "stubborn")
    print(f"{name} is up", flush=True)  # noqa: T201
    if behaviour == "dies":
        time.sleep(1)
        sys.exit(7)
    while True:
        time.sleep(60)


def main() -> int:
    """Start the children named on the command line under a supervisor."""
    directory, *words = sys.argv[1:]
    if directory == "--child":
        child(Path(words[0]), words[1], words[2])
    me = [sys.executable, "-m", "tests.tooling.group_of_fakes", "--child", directory]

    def work(group: Group) -> None:
        for word in words:
            name, behaviour = word.split("=", 1)
            if name == "task":
                group.wait_until_ready()
                group.run(Task(name, [sys.executable, "-c", behaviour]))
            else:
                group.start(Service(name, [*me, name, behaviour], ready_at_first_line=True))
        group.wait_until_ready()
        say("all ready")

    return supervise(Group(os.environ, Path.cwd()), work)


if __name__ == "__main__":
    sys.exit(main())
