"""What differs between a conda file and the lock made of an earlier one. No I/O."""

from hakobune.model.lock import Lock
from hakobune.model.spec import EnvironmentSpec, requirement_name


def what_moved(spec: EnvironmentSpec, lock: Lock, file: str) -> tuple[str, ...]:
    """Return a line for each package that was added, removed or changed, and for the name."""
    now = {"python": f"python={spec.python}", **{r.name: r.text for r in spec.requirements}}
    lines = {"python": spec.python_line, **{r.name: r.line for r in spec.requirements}}
    then = {_name(text): text for text in lock.requirements}
    moved = []
    if spec.name != lock.environment:
        moved.append(f"{file}: name is {spec.name}, was {lock.environment}")
    for name in sorted(now.keys() | then.keys()):
        if name not in then:
            moved.append(f"{file}:{lines[name]}: {now[name]} is new")
        elif name not in now:
            moved.append(f"{file}: {then[name]} is gone")
        elif now[name] != then[name]:
            moved.append(f"{file}:{lines[name]}: {now[name]}, was {then[name]}")
    return tuple(moved) or (f"{file}: only comments, channels, spelling or line ends changed",)


def _name(text: str) -> str:
    """Return the package that a locked requirement names (`python=3.13` is the one of conda's)."""
    return "python" if text.startswith("python=") else requirement_name(text)
