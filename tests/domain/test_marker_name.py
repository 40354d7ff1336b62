"""The marker language is parsed once and refuses what it does not know."""

from __future__ import annotations

import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import MarkerKind, parse_marker, parse_model


@pytest.mark.parametrize(
    ("text", "kind", "key", "transform"),
    [
        ("sldr", MarkerKind.SIZE, "sldr", ""),
        ("lab:cga", MarkerKind.LAB, "CGA", "lab"),
        ("dlog:CGA", MarkerKind.LAB, "CGA", "dlog"),
        ("ratio:GGT", MarkerKind.LAB, "GGT", "ratio"),
        ("dl:lesion-portal", MarkerKind.DEEP, "lesion-portal", ""),
        ("age", MarkerKind.CHARACTERISTIC, "age_years", ""),
        ("ki67", MarkerKind.CHARACTERISTIC, "ki67_percent", ""),
        ("netest_score", MarkerKind.CHARACTERISTIC, "netest_score", ""),
        (" arm ", MarkerKind.CHARACTERISTIC, "arm", ""),
    ],
)
def test_markers(text, kind, key, transform):
    marker = parse_marker(text)
    assert (marker.kind, marker.key, marker.transform) == (kind, key, transform)


def test_canonical_spelling_survives_a_second_parse():
    model = parse_model("sldr + DLOG:cga+ dl:Lesion-Portal")
    assert model.text == "sldr+dlog:CGA+dl:lesion-portal"
    assert parse_model(model.text) == model
    assert model.deep_variants == ("lesion-portal",)


@pytest.mark.parametrize("text", ["", "sldr+", "+", "lab:", "foo:CGA", "dl:brain-mri", "sldr+sldr", "age+age_years"])
def test_refused(text):
    with pytest.raises(BadUsageError):
        parse_model(text)


def test_a_network_alone_is_not_a_cox_model():
    assert parse_model("dl:liver-arterial").is_network_alone
    assert not parse_model("sldr").is_network_alone
    assert not parse_model("sldr+dl:liver-arterial").is_network_alone


def test_labels_are_plain_words():
    assert parse_marker("dlog:CGA").label == "Change in log CgA since baseline"
    assert parse_marker("prior_resection").label == "Prior resection"
    assert parse_marker("weight_kg").label == "Weight (kg)"
