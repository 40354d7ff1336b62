import itertools

import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput, parse_fusion_model


@pytest.mark.parametrize("text", ["lab", "pet", "ct", "pet+ct", "pet+ct-pretrained+lab", "cox:pet+ct+lab"])
def test_the_text_of_a_model_is_read_as_it_was_written(text):
    assert parse_fusion_model(text).text == text


def test_inputs_may_stand_in_any_order():
    for order in itertools.permutations(["lab", "ct", "pet"]):
        assert parse_fusion_model("+".join(order)).text == "pet+ct+lab"


def test_spaces_do_not_count():
    assert parse_fusion_model(" pet + lab ").text == "pet+lab"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "inputs are"),
        ("mri", "'mri'"),
        ("pet+pet", "each once"),
        ("ct+ct-pretrained", "not as both"),
        ("forest:lab", "only 'cox:'"),
        ("pet++ct", "inputs are"),
    ],
)
def test_what_is_no_model_is_refused(text, says):
    with pytest.raises(BadUsageError, match=says):
        parse_fusion_model(text)


def test_the_censoring_aware_version_has_the_same_inputs():
    model = FusionModel((ModelInput.LAB, ModelInput.PET))
    assert model.with_cox_head == FusionModel((ModelInput.PET, ModelInput.LAB), Head.COX)
    assert model.with_cox_head.text == "cox:pet+lab"


def test_laboratory_values_are_no_image():
    assert parse_fusion_model("pet+ct-pretrained+lab").image_inputs == (ModelInput.PET, ModelInput.CT_PRETRAINED)
    assert parse_fusion_model("lab").image_inputs == ()
