from __future__ import annotations

import struct

import numpy as np
import pytest
import SimpleITK

from raise_core.domain.errors import BadInputError
from raise_core.imaging.read import read_geometry, read_volume


@pytest.fixture
def voxels():
    return np.random.default_rng(0).normal(0, 300, size=(4, 20, 30)).astype(np.int16)


@pytest.fixture
def image(voxels):
    picture = SimpleITK.GetImageFromArray(voxels)
    picture.SetSpacing((0.8, 0.9, 5.0))
    picture.SetOrigin((-100.0, 50.0, 7.5))
    picture.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    return picture


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_format_comes_back_with_its_grid(tmp_path, image, voxels, name, compressed):
    path = tmp_path / name
    SimpleITK.WriteImage(image, path, compressed)
    volume = read_volume(path)
    assert volume.array.dtype == np.int16
    assert np.array_equal(volume.array, voxels)
    assert volume.geometry.size == (30, 20, 4)
    assert np.allclose(volume.geometry.spacing_mm, (0.8, 0.9, 5.0))
    assert np.allclose(volume.geometry.origin_mm, (-100.0, 50.0, 7.5))
    assert np.allclose(volume.geometry.direction, np.diag([1, -1, 1]))
    assert read_geometry(path) == volume.geometry


def test_a_header_scale_is_applied_and_counted_in_file_bytes(tmp_path, image, voxels):
    path = tmp_path / "a.nii"
    SimpleITK.WriteImage(image, path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 2.0, -1000.0)
    path.write_bytes(content)
    assert np.allclose(read_volume(path).array, voxels * 2.0 - 1000.0)


def test_one_trailing_dimension_of_length_one_is_still_3d(tmp_path, image, voxels):
    path = tmp_path / "a.nii.gz"
    SimpleITK.WriteImage(SimpleITK.JoinSeries([image]), path)
    assert np.array_equal(read_volume(path).array, voxels)


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def flip_bits(path):
    content = bytearray(path.read_bytes())
    content[-200] ^= 0x5A
    path.write_bytes(content)


def huge(path):
    content = bytearray(path.read_bytes())
    struct.pack_into("<4h", content, 40, 3, 32000, 32000, 32000)
    path.write_bytes(content)


def negative_size(path):
    content = bytearray(path.read_bytes())
    struct.pack_into("<4h", content, 40, 3, -5, 20, 4)
    path.write_bytes(content)


def negative_spacing(path):
    content = bytearray(path.read_bytes())
    struct.pack_into("<4f", content, 76, 1.0, 0.8, 0.9, -5.0)
    path.write_bytes(content)


def write_text(path):
    path.write_text("patient_id,week\n" * 50)


@pytest.mark.parametrize(
    ("name", "damage", "word"),
    [
        ("a.nii", cut, "cut off"),
        ("a.nii.gz", cut, "cut off"),
        ("a.nrrd", cut, "cut off"),
        ("a.mha", cut, "damaged"),
        ("a.nii.gz", flip_bits, "damaged"),
        ("a.nrrd", flip_bits, "damaged"),
        ("a.nii", huge, "32000"),
        ("a.nii", negative_size, "damaged"),
        ("a.nii", negative_spacing, "spacing"),
        ("a.nii.gz", write_text, "not an image"),
        ("a.xyz", write_text, "not an image"),
        ("a.nii.gz", lambda path: path.write_bytes(b""), "empty"),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_printed(tmp_path, image, capfd, name, damage, word):
    path = tmp_path / name
    if name != "a.xyz":
        SimpleITK.WriteImage(image, path, name == "a.nrrd" and damage is flip_bits)
    damage(path)
    with pytest.raises(BadInputError, match=word) as caught:
        read_volume(path)
    assert str(path) in str(caught.value)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_what_is_not_one_3d_grey_image_is_refused(tmp_path, image):
    for name, wrong, word in [
        ("4d.nii.gz", SimpleITK.JoinSeries([image, image]), "4 dimensions"),
        ("2d.nii.gz", image[:, :, 0], "2 dimensions"),
        ("rgb.nii.gz", SimpleITK.Compose(image, image, image), "3 values"),
    ]:
        SimpleITK.WriteImage(wrong, tmp_path / name)
        for read in (read_geometry, read_volume):
            with pytest.raises(BadInputError, match=word):
                read(tmp_path / name)
    with pytest.raises(BadInputError, match="no such"):
        read_volume(tmp_path / "absent.nii")
    with pytest.raises(BadInputError, match="not a file"):
        read_volume(tmp_path)


def test_a_file_that_unpacks_to_far_more_than_its_header_is_refused(tmp_path, image):
    import gzip

    plain = tmp_path / "a.nii"
    SimpleITK.WriteImage(image, plain)
    path = tmp_path / "b.nii.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(plain.read_bytes() + b"\0" * (70 << 20))
    with pytest.raises(BadInputError, match="far more"):
        read_volume(path)


def test_words_on_standard_error_of_others_are_not_swallowed(tmp_path, image, capfd):
    import os

    from raise_core.imaging.read import _reader_messages

    with _reader_messages(tmp_path):
        os.write(2, b"a log line of another thread\n")
    assert capfd.readouterr().err == "a log line of another thread\n"
