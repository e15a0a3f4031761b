import json

import pytest

from trainer.record import write_json
from trainer.saved.seal import is_sealed, sealed

VALUES = {"name": "Größe", "numbers": [1.5, None], "sha256_of_data": "0"}


def test_the_seal_is_the_last_key_and_that_of_the_rest() -> None:
    content = sealed(VALUES)
    raw = json.loads(content)
    assert list(raw) == [*VALUES, "sha256"]
    assert sealed({name: raw[name] for name in VALUES}) == content
    assert is_sealed(content)


def test_no_flip_and_no_cut_keeps_the_seal() -> None:
    content = sealed(VALUES)
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            assert not is_sealed(bytes(changed))
        assert not is_sealed(content[:place])
        assert not is_sealed(content[place + 1 :])
    assert not is_sealed(content + b"\n")


def test_what_is_not_the_seal_s_own_form_is_none() -> None:
    content = sealed(VALUES)
    assert not is_sealed(content.replace(b', "sha256"', b',  "sha256"'))
    assert not is_sealed(content.replace(b"}\n", b"}\r\n"))
    assert not is_sealed(json.dumps(json.loads(content), indent=2).encode())
    assert not is_sealed(write_json({"sha256": "0" * 64}))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        sealed({"x": number})
