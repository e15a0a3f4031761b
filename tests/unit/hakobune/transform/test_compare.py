import pytest

from hakobune.model.spec import EnvironmentSpec, Requirement
from hakobune.transform.compare import what_moved
from tests.samples import make_lock


def spec(*texts: str, name: str = "demo", python: str = "3.13") -> EnvironmentSpec:
    items = [
        Requirement(name=text.split("=")[0], text=text, written=text, line=n, file="e.yml")
        for n, text in enumerate(texts, 5)
    ]
    return EnvironmentSpec(
        name=name,
        written_name=name,
        name_line=1,
        python=(f"=={python}.*",),
        python_line=4,
        channels=(),
        requirements=tuple(items),
        sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (spec("six==1.17.0"), ("e.yml: only comments, channels, spelling or line ends changed",)),
        (spec("six==1.16.0"), ("e.yml:5: six==1.16.0, was six==1.17.0",)),
        (spec("six==1.17.0", "attrs"), ("e.yml:6: attrs is new",)),
        (spec(), ("e.yml: six==1.17.0 is gone",)),
        (spec("six==1.17.0", python="3.12"), ("e.yml:4: python=3.12, was python=3.13",)),
        (spec("six==1.17.0", name="other"), ("e.yml: name is other, was demo",)),
    ],
)
def test_what_moved_is_named_with_its_line(now: EnvironmentSpec, moved: tuple[str, ...]) -> None:
    assert what_moved(now, make_lock(), "e.yml") == moved
