"""Our stand-in for the package that Microsoft's tests record and replay with: it only runs live.

Each name is one that the tests of `azure-ai-ml` import; what records or hides does nothing here.
"""

import json
import os
from typing import Any

import pytest


class AzureRecordedTestCase:
    """The base of Microsoft's test classes."""


def is_live() -> bool:
    """Return True: the requests go to a server, and not to a recording."""
    return True


def is_live_and_not_recording() -> bool:
    """Return False: as while Microsoft recorded, a hash is one of the content and not drawn."""
    return False


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing: there is no recording to change or to compare with."""


add_body_key_sanitizer = _nothing
add_general_regex_sanitizer = _nothing
add_general_string_sanitizer = _nothing
add_remove_header_sanitizer = _nothing
add_uri_regex_sanitizer = _nothing
remove_batch_sanitizers = _nothing
set_bodiless_matcher = _nothing
set_custom_default_matcher = _nothing


class EnvironmentVariables(dict[str, str]):
    """The variables that name the workspace; live runs replace none of them."""

    def sanitize_batch(self, names: dict[str, str]) -> dict[str, str]:
        """Return the real values of these variables."""
        return {name: self[name] for name in names if name in self}


class Recorder:
    """Returns the value that a test made up."""

    def get_or_record(self, _name: str, value: str) -> str:
        """Return the value."""
        return value


class Plugin:
    """The fixtures that the tests expect; `__main__` hands it to pytest."""

    @pytest.fixture(scope="session")
    def test_proxy(self) -> None:
        """No recording proxy."""

    @pytest.fixture
    def recorded_test(self) -> None:
        """No recording."""

    @pytest.fixture
    def variable_recorder(self) -> Recorder:
        """No recorded values."""
        return Recorder()

    @pytest.fixture
    def environment_variables(self) -> EnvironmentVariables:
        """The workspace's names, as `__main__` sets them."""
        return EnvironmentVariables(json.loads(os.environ["SDK_TESTS_VARIABLES"]))

    @pytest.hookimpl
    def pytest_sessionstart(self) -> None:
        """Wait for nothing: a list that drydock answers is never behind, as the service's is."""
        from test_utilities import utils

        utils.sleep_if_live = _nothing
