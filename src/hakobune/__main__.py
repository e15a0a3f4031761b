"""The command `hakobune`, also as `python -m hakobune`: signals first, then all the rest.

Until `main` handles signals, each ends the process at once and without a traceback: nothing was
begun yet. What is left over is the start of the interpreter itself, some 20 ms, in which Python
answers Ctrl-C with a traceback of its own; no program in Python can change that
(docs/explanation/signals.md).
"""

# Not `signal`, which imports `enum`: its import takes as long as all that comes before it here.
import _signal  # type: ignore[import-not-found] # of CPython itself, without a stub


def run() -> None:
    """Run the command line and exit."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from hakobune.cli.main import main  # noqa: PLC0415 - after the line above, because it is slow

    main()


if __name__ == "__main__":
    run()
