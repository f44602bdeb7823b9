"""Runs another module as a program that ends together with whoever started it, however that ended.

    python -m demo.child MODULE ARGUMENTS…

Standard input is the lifeline: nothing is ever written to it, and it closes when the starter is gone.
"""

import os
import runpy
import signal
import sys
import threading


def end_with_starter() -> None:
    """Ask this process to end as soon as standard input closes."""
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Become the module named first, with the arguments after it."""
    threading.Thread(target=end_with_starter, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
