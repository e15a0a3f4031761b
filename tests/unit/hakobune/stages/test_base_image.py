import pytest

from hakobune.errors import BaseUnavailableError
from hakobune.stages.base_image import debian_tag, ensure_base, found_locally, newly_answered
from tests.samples import (
    BUILDS,
    DIGEST,
    IMAGE_HERE,
    NO_IMAGE,
    FakeReporter,
    FakeRunner,
    begins,
    make_lock,
    on,
)

PINNED = f"docker.io/library/python@{DIGEST}"
PULLS = begins("docker", "pull")


def test_the_pinned_image_is_used_if_the_engine_has_it() -> None:
    runner = FakeRunner([IMAGE_HERE])
    assert ensure_base(make_lock(digest=DIGEST), runner, FakeReporter()) == PINNED
    assert runner.calls == [["docker", "image", "inspect", PINNED]]


def test_the_pinned_image_is_pulled_by_its_digest() -> None:
    runner = FakeRunner([NO_IMAGE, PULLS])
    assert ensure_base(make_lock(digest=DIGEST), runner, FakeReporter()) == PINNED
    assert runner.calls[-1][-1] == PINNED


def test_without_a_registry_one_line_says_so_and_debian_makes_the_base() -> None:
    reporter = FakeReporter()
    runner = FakeRunner([NO_IMAGE, on("pull", exit_code=1), on("base/build.sh"), BUILDS])
    lock = make_lock(digest=DIGEST)
    assert ensure_base(lock, runner, reporter) == debian_tag(lock)
    assert reporter.said == [
        "no image registry answers: the base is one made from Debian's packages"
    ]
    assert any("build.sh" in call[0] for call in runner.calls)


def test_a_debian_base_that_is_here_is_not_made_again() -> None:
    lock = make_lock()
    runner = FakeRunner([IMAGE_HERE])
    assert ensure_base(lock, runner, FakeReporter()) == debian_tag(lock)
    assert not any("build" in word for call in runner.calls for word in call)


def test_without_registry_and_debian_there_is_no_base() -> None:
    with pytest.raises(BaseUnavailableError, match="the lock holds no Debian packages"):
        ensure_base(make_lock(debian=False), FakeRunner([NO_IMAGE]), FakeReporter())


def test_the_registry_is_asked_only_while_the_lock_has_no_digest() -> None:
    answer = on("imagetools", stdout=f'{{"digest": "{DIGEST}"}}')
    assert newly_answered(make_lock(), FakeRunner([answer, NO_IMAGE])) == DIGEST
    runner = FakeRunner([answer])
    assert newly_answered(make_lock(digest=DIGEST), runner) is None
    assert runner.calls == []


def test_what_is_here_is_found_the_official_image_first() -> None:
    lock = make_lock(digest=DIGEST)
    assert found_locally(lock, FakeRunner([IMAGE_HERE])) == PINNED
    no_pinned = on("image", PINNED, exit_code=1)
    assert found_locally(lock, FakeRunner([no_pinned, IMAGE_HERE])) == debian_tag(lock)
    assert found_locally(lock, FakeRunner([NO_IMAGE])) is None
