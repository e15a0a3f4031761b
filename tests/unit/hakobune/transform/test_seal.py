from hypothesis import given
from hypothesis import strategies as st

from hakobune.transform.seal import is_sealed, seal


@given(st.text(max_size=80))
def test_a_sealed_text_is_sealed_and_any_addition_breaks_it(text: str) -> None:
    sealed = seal(text + "\n")
    assert is_sealed(sealed)
    assert not is_sealed(sealed + b"\n")
    assert not is_sealed(b"x" + sealed)


def test_text_without_a_seal_is_not_sealed() -> None:
    assert not is_sealed(b"")
    assert not is_sealed(b"FROM scratch\n")
