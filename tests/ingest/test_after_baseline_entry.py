"""The entry `after_baseline` of study.json: checked against the patients file, carried into the store."""

from __future__ import annotations

import json

import pytest

from raise_core.domain.errors import BadInputError
from raise_core.ingest.importer import import_study
from raise_core.store.queries import load_study


def describe(source, **entries: object) -> None:
    (source / "study.json").write_text(json.dumps(entries), encoding="utf-8")


def test_columns_are_carried_into_the_store_each_once(source, home):
    describe(source, after_baseline=["smoker", "who_ps", "smoker"])
    import_study(home, source, "trial")
    assert load_study(home, "trial").after_baseline == ("smoker", "who_ps")


@pytest.mark.parametrize("entry", [None, []])
def test_an_empty_entry_is_as_none(source, home, entry):
    without = import_study(home, source, "trial").snapshot_id
    describe(source, after_baseline=entry)
    assert import_study(home, source, "trial").snapshot_id == without


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (["cycles"], "after_baseline names 'cycles', which is no characteristic"),
        (["patient_id"], "after_baseline names 'patient_id'"),
        (["Smoker"], "columns: .*smoker"),
        ("smoker", "not a list of columns"),
        ([3], "after_baseline names '3'"),
    ],
)
def test_what_is_no_characteristic_is_refused_and_the_store_stays(source, home, fingerprint, entry, message):
    import_study(home, source, "trial")
    before = fingerprint(home.path)
    describe(source, after_baseline=entry)
    with pytest.raises(BadInputError, match=message) as raised:
        import_study(home, source, "trial")
    assert "study.json" in str(raised.value)
    assert fingerprint(home.path) == before
