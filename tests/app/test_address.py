"""Controls and address stay in step, also when the browser missed what a run said."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def unit_of_time(test):
    return next(group for group in test.get("segmented_control") if group.label == "Time in")


def test_a_value_from_the_address_is_said_again_in_the_next_run(small_home, open_app):
    # The first run may have been cut short by a click, and its messages thrown away.
    test = open_app("pages/cohort.py", small_home, time="m")
    assert unit_of_time(test).proto.set_value
    test.run()
    assert unit_of_time(test).value == "m"
    assert unit_of_time(test).proto.set_value
    assert list(unit_of_time(test).proto.raw_values) == ["months"]


def test_a_value_just_chosen_is_not_said_back(small_home, open_app):
    # Saying it back would undo a second quick click.
    test = open_app("pages/cohort.py", small_home)
    unit_of_time(test).set_value("m").run()
    assert "".join(test.query_params["time"]) == "m"
    assert not unit_of_time(test).proto.set_value
