"""`python -m drydock`: signals first, then all the rest, which is slow to import."""

import _signal  # type: ignore[import-not-found] # of CPython itself, without a stub


def run() -> None:
    """Run the command line and exit."""
    # Ctrl-C before `main` handles it ends the process at once and without a traceback.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from drydock.cli import main  # noqa: PLC0415 - after the line above

    main()


if __name__ == "__main__":
    run()
