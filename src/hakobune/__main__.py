"""The command `hakobune`, also as `python -m hakobune`: signals first, then all the rest.

Until `main` handles signals, each ends the process at once and without a traceback: nothing was
begun yet. What is left over is the start of the interpreter itself, some 10 ms, in which Python
answers Ctrl-C with a traceback of its own (docs/explanation/signals.md).
"""

import signal


def run() -> None:
    """Run the command line and exit."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hakobune.cli.main import main  # noqa: PLC0415 - after the line above, because it is slow

    main()


if __name__ == "__main__":
    run()
