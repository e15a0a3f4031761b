import pytest

from trainer.compare.options import parse_options

NEEDED = ("--champion", "a", "--challenger", "b", "--data", "c.csv")


def test_what_is_not_given_has_its_default() -> None:
    options = parse_options(NEEDED)
    assert (options.horizon, options.step, options.json) == (None, None, None)
    assert (options.loss, options.significance) == ("absolute", 0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        NEEDED[:4],
        NEEDED[2:],
        (*NEEDED[:4], "--data", ""),
        (*NEEDED, "--horizon", "0"),
        (*NEEDED, "--horizon", "1.5"),
        (*NEEDED, "--step", "-1"),
        (*NEEDED, "--step", "10001"),
        (*NEEDED, "--significance", "0"),
        (*NEEDED, "--significance", "0.51"),
        (*NEEDED, "--significance", "nan"),
        (*NEEDED, "--significance", "5%"),
        (*NEEDED, "--loss", "percent"),
        (*NEEDED, "--champ", "x"),
        (*NEEDED, "more"),
    ],
)
def test_a_wrong_command_line_exits_with_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(["--help"])
    assert caught.value.code == 0
    assert "10: keep the champion" in capsys.readouterr().out
