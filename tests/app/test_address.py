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


def test_a_choice_just_made_is_said_back_too(small_home, open_app):
    # What an earlier run said may have reached the browser after the click.
    test = open_app("pages/cohort.py", small_home)
    unit_of_time(test).set_value("m").run()
    assert "".join(test.query_params["time"]) == "m"
    assert list(unit_of_time(test).proto.raw_values) == ["months"]


def test_a_slider_just_moved_is_not_said_back(small_home, open_app):
    # That would undo a quick second move.
    test = open_app("pages/survival.py", small_home, by="marker")
    slider = next(one for one in test.slider if one.label.startswith("Threshold"))
    slider.set_value(1.02).run()
    assert not next(one for one in test.slider if one.label.startswith("Threshold")).proto.set_value


def test_a_control_behind_a_closed_button_still_obeys_the_address(small_home, open_app):
    test = open_app("pages/survival.py", small_home, by="arm", ci="plain", curve="f")
    assert not [one for one in test.get("segmented_control") if one.label == "Interval"], "not drawn"
    assert "(plain)" in " ".join(caption.value for caption in test.caption)


def test_what_such_a_control_cannot_show_is_said_once_and_taken_out(small_home, open_app):
    test = open_app("pages/survival.py", small_home, by="arm", ci="nonsense")
    assert ["Interval" in warning.value for warning in test.warning] == [True]
    assert "ci" not in test.query_params
    assert not test.run().warning


def test_any_week_can_be_typed(small_home, open_app):
    test = open_app("pages/survival.py", small_home, by="marker", week="15")
    assert "week 15 + 1" in " ".join(caption.value for caption in test.caption)
    assert "".join(test.query_params["week"]) == "15"
