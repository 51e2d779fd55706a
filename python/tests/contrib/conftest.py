"""Lets pytest explain the assertions of `contrib_events`."""

import pytest

pytest.register_assert_rewrite("contrib_events")
