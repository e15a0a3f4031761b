from hakobune.transform.debian_packages import read_packages, write_packages
from tests.samples import make_lock


def test_reading_gives_back_what_was_written() -> None:
    base = make_lock().debian_base
    assert base is not None
    assert read_packages(write_packages(base.packages)) == base.packages
    assert write_packages(base.packages).count("\t") == 5
