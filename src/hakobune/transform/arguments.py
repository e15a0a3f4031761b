"""Where the inputs and outputs stand among the arguments of a training program. No I/O."""


def value_place(arguments: list[str], flag: str) -> int | None:
    """Return where the option's value stands (`--input x` or `--input=x`); the last one counts."""
    for place in reversed(range(len(arguments))):
        if arguments[place].startswith(f"{flag}="):
            return place
        if arguments[place] == flag and place + 1 < len(arguments):
            return place + 1
    return None


def value_at(arguments: list[str], place: int, flag: str) -> str:
    """Return the option's value that stands there."""
    return arguments[place].removeprefix(f"{flag}=")


def put_value(arguments: list[str], place: int, flag: str, value: str) -> None:
    """Replace the option's value that stands there."""
    is_joined = arguments[place].startswith(f"{flag}=")
    arguments[place] = f"{flag}={value}" if is_joined else value


def drop_option(arguments: list[str], flag: str) -> None:
    """Take the option and its value out, each time that it stands there."""
    while (place := value_place(arguments, flag)) is not None:
        is_joined = arguments[place].startswith(f"{flag}=")
        del arguments[place if is_joined else place - 1 : place + 1]
