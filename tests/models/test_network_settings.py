from __future__ import annotations

import json

import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.models.network_settings import NetworkSettings


def test_settings_come_back_from_json():
    settings = NetworkSettings(channels=(4, 8), epochs=3, dropout=0.0)
    assert NetworkSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": ()},
        {"channels": (6,)},
        {"dropout": 1.0},
        {"validation_share": 0.0},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"fusion_weight_decay": -1.0},
        {"learning_rate": float("nan")},
    ],
)
def test_what_no_network_can_have_is_refused_by_name(wrong):
    with pytest.raises(BadUsageError, match=next(iter(wrong))):
        NetworkSettings(**wrong)


def test_unknown_names_are_refused():
    with pytest.raises(BadUsageError, match="depth"):
        NetworkSettings.from_dict({"depth": 3})
