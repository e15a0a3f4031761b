"""What differs between a conda file and the lock made of an earlier one. No I/O."""

from hakobune.model.lock import Lock
from hakobune.model.spec import EnvironmentSpec, requirement_name


def what_moved(spec: EnvironmentSpec, lock: Lock, file: str) -> tuple[str, ...]:
    """Return a line for each package that was added, removed or changed, and for the name."""
    now = {"python": spec.python_text, **{r.name: r.text for r in spec.requirements}}
    places = {
        "python": f"{file}:{spec.python_line}",
        **{r.name: r.place for r in spec.requirements},
    }
    then = {requirement_name(text): text for text in lock.requirements}
    moved = []
    if spec.name != lock.environment:
        moved.append(f"{file}: name is {spec.name}, was {lock.environment}")
    for name in sorted(now.keys() | then.keys()):
        if name not in then:
            moved.append(f"{places[name]}: {now[name]} is new")
        elif name not in now:
            moved.append(f"{file}: {then[name]} is gone")
        elif now[name] != then[name]:
            moved.append(f"{places[name]}: {now[name]}, was {then[name]}")
    return tuple(moved) or (f"{file}: only comments, channels, spelling or line ends changed",)
