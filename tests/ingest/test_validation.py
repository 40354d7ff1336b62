"""Every error of an import names file, row, column and remedy, and leaves the store byte for byte as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from raise_core.domain.errors import BadInputError
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home

Change = Callable[[Path], object]


def text(name: str, content: str) -> Change:
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


def swap(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        content = (folder / name).read_text(encoding="utf-8")
        assert content.count(old) >= 1
        (folder / name).write_text(content.replace(old, new, 1), encoding="utf-8")

    return change


def add(name: str, line: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    return change


def raw(name: str, content: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(content)


def both_formats(folder: Path) -> None:
    pd.read_csv(folder / "labs.csv").to_parquet(folder / "labs.parquet")


def float_ids(folder: Path) -> None:
    (folder / "patients.csv").unlink()
    pd.DataFrame({"patient_id": [1.0, 2.0]}).to_parquet(folder / "patients.parquet")


def damaged_parquet(folder: Path) -> None:
    (folder / "outcomes.csv").unlink()
    (folder / "outcomes.parquet").write_bytes(b"PAR1nothing")


def link_out(folder: Path) -> None:
    outside = folder.parent / "outside.nii.gz"
    outside.write_bytes((folder / "img" / "a.nii.gz").read_bytes())
    (folder / "img" / "b.nii.gz").unlink()
    (folder / "img" / "b.nii.gz").symlink_to(outside)


OUT, P, L, T, S, M = "outcomes.csv", "patients.csv", "labs.csv", "lesions.csv", "scans.csv", "masks.csv"

CASES: dict[str, tuple[Change, str, int | None, str | None, str, str]] = {
    "missing patients": (lambda f: (f / P).rename(f / "people.csv"), P, None, None, "is missing", "Every study needs"),
    "missing column": (swap(OUT, "event", "status"), OUT, 1, "event", "column event is missing", "Add it or rename"),
    "column in upper case": (swap(OUT, "event", "EVENT"), OUT, 1, "EVENT", "is written event", "lower case"),
    "text for a number": (swap(L, "120", "high"), L, 2, "value", "'high' is not a number", "Give a finite number"),
    "infinity": (swap(L, "120", "inf"), L, 2, "value", "'inf' is not a number", "finite"),
    "detection limit": (swap(L, "120", "<0.5"), L, 2, "value", "'<0.5' is a limit", "half of it"),
    "decimal comma": (swap(L, "120", '"2,5"'), L, 2, "value", "decimal comma", "with a point"),
    "week not a number": (swap(L, "001,0,", "001,baseline,"), L, 2, "week", "'baseline' is not a number", "Give"),
    "implausible week": (swap(L, "001,0,", "001,90000,"), L, 2, "week", "90000 is not within -1040 to 2600", "unit"),
    "empty value": (swap(L, "120", ""), L, 2, "value", "is empty", "leave the row out"),
    "unknown patient": (add(OUT, "999,PFS,1,1"), OUT, 8, "patient_id", "patient '999' is not in", "Add the patient"),
    "lost zeros": (add(L, "1,0,CGA,1,ug/L,,"), L, 6, "patient_id", "patient '1' is not", "leading zeros"),
    "blank around id": (add(OUT, "001 ,TTP,1,1"), OUT, 8, "patient_id", "blanks around", "Remove them"),
    "no patient id": (add(P, ",Placebo,F,,,,,,,"), P, 5, "patient_id", "is empty", "Fill it in"),
    "patient twice": (add(P, "002,Placebo,F,,,,,,,"), P, 5, "patient_id", "stands in row 3 already", "Keep one"),
    "outcome twice": (add(OUT, "001,PFS,2,1"), OUT, 8, "endpoint", "endpoint PFS stands in row 2 already", "Keep one"),
    "lab twice": (add(L, "001,12.0,cga,2,ug/L,,"), L, 6, "test", "test CGA stands in row 3 already", "Keep one"),
    "lesion twice": (add(T, "001,0,L1,3,liver,true,"), T, 8, "lesion_id", "stands in row 2 already", "Keep one"),
    "scan twice": (add(S, "001,0,img/./a.nii.gz,CT,,,"), S, 4, "path", "stands in row 2 already", "Keep one"),
    "mask twice": (
        add(M, "img/a.nii.gz,img/a_mask.nii.gz,lesion,L1,,2"), M, 4, "label", "stands in row 2 already", "Keep one",
    ),
    "negative time": (swap(OUT, "40.5", "-5"), OUT, 2, "time_weeks", "-5 is not within 0 to 2600", "Count from rand"),
    "missing time": (swap(OUT, "40.5", ""), OUT, 2, "time_weeks", "is empty", "last visit"),
    "two time columns": (
        text(OUT, "patient_id,endpoint,time_weeks,time_days,event\n001,PFS,1,7,1\n"), OUT, 1, None, "both", "exactly",
    ),
    "no time column": (text(OUT, "patient_id,endpoint,event\n001,PFS,1\n"), OUT, 1, None, "neither", "exactly one"),
    "event 1/2": (
        text(OUT, "patient_id,endpoint,time_weeks,event\n001,PFS,1,1\n002,PFS,2,2\n"),
        OUT, 3, "event", "coded 1 and 2", "subtract 1",
    ),
    "event 2 among 0/1": (swap(OUT, "40.5,1", "40.5,2"), OUT, 2, "event", "'2' is not 0 (censored) or 1", "1 - CNSR"),
    "event as a word": (swap(OUT, "40.5,1", "40.5,yes"), OUT, 2, "event", "'yes' is not 0", "Recode"),
    "endpoint in two cases": (add(OUT, "003,os,3,1"), OUT, 8, "endpoint", "spelt in another case", "Spell it one way"),
    "diameter -3": (swap(T, ",30,", ",-3,"), T, 2, "diameter_mm", "-3 is not within 0 to 1000 (millim", "its unit"),
    "diameter 5000": (swap(T, ",30,", ",5000,"), T, 2, "diameter_mm", "5000 is not within 0 to 1000", "its unit"),
    "no diameter": (swap(T, ",30,liver,true,measured", ",,liver,true,"), T, 2, "diameter_mm", "is empty", "vanished"),
    "absent but measured": (swap(T, "true,measured", "true,absent"), T, 2, "diameter_mm", "status is absent", "Set"),
    "not evaluable but measured": (
        swap(T, "true,measured", "true,not evaluable"), T, 2, "diameter_mm", "not evaluable", "Empty the diameter",
    ),
    "target at one visit only": (
        swap(T, "L1,0,liver,true", "L1,0,liver,false"), T, 3, "target", "otherwise marked", "at all visits or at none",
    ),
    "target is a word": (swap(T, "liver,true", "liver,perhaps"), T, 2, "target", "neither true nor false", "true or"),
    "target empty": (swap(T, "liver,true", "liver,"), T, 2, "target", "is empty", "leave the whole column out"),
    "unknown status": (swap(T, "true,measured", "true,seen"), T, 2, "status", "'seen' is not one of: meas", "Use one"),
    "two units": (swap(L, "80,ug/L", "80,mg/L"), L, 4, "unit", "CGA is in mg/L here and in ug/L", "Convert"),
    "limits exchanged": (swap(L, "135,145", "145,135"), L, 5, "lower_limit", "145 is above the upper", "Exchange"),
    "test with plus": (swap(L, "CGA", "C+A"), L, 2, "test", "holds '+'", "Rename"),
    "test with colon": (swap(L, "CGA", "C:A"), L, 2, "test", "holds ':'", "Rename"),
    "age of 300": (swap(P, "61.5", "300"), P, 2, "age_years", "300 is not within 0 to 120", "Correct"),
    "empty file": (text(L, ""), L, 1, None, "is empty", "leave the file out"),
    "no patients": (text(P, "patient_id,arm\n"), P, 1, None, "no rows", "one row a patient"),
    "column twice": (swap(P, "sex", "arm"), P, 1, "arm", "stands twice", "Keep one"),
    "column twice but for case": (swap(P, "smoker", "Sex"), P, 1, "Sex", "only by upper and lower case", "rename"),
    "column without name": (swap(P, "sex", ""), P, 1, None, "column 3 has no name", "row.names = FALSE"),
    "column with plus": (swap(P, "smoker", "a+b"), P, 1, "a+b", "holds '+' or ':'", "Rename"),
    "column with colon": (swap(P, "smoker", "lab:x"), P, 1, "lab:x", "holds '+' or ':'", "Rename"),
    "reserved column": (swap(P, "smoker", "SLDR"), P, 1, "SLDR", "size marker", "Rename"),
    "reserved nadir column": (swap(P, "smoker", "sldn"), P, 1, "sldn", "size marker", "Rename"),
    "alias column": (swap(P, "age_years", "age"), P, 1, "age", "is short for age_years", "Name it age_years"),
    "semicolons": (text(L, "patient_id;week;test;value\n001;0;CGA;2,5\n"), L, 1, None, "semicolons", "commas"),
    "tabs": (text(L, "patient_id\tweek\n001\t0\n"), L, 1, None, "tabs", "commas"),
    "ragged row": (swap(L, "001,12,CGA,150", "001,12,CGA,1,50"), L, 3, None, "8 cells where the header has 7", "quot"),
    "short row": (add(L, "001,24"), L, 6, None, "2 cells where the header has 7", "same number"),
    "mixed encodings": (
        lambda f: (f / P).write_bytes((f / P).read_bytes() + "004,Zoë,,,,,,,,é\n".encode("latin-1")),
        P, 5, None, "0xEB ('ë' in Windows-1252)", "UTF-8",
    ),
    "utf-16": (lambda f: (f / P).write_text((f / P).read_text(), encoding="utf-16"), P, None, None, "UTF-16", "UTF-8"),
    "excel": (raw(P, b"PK\x03\x04rest"), P, None, None, "Excel workbook", "CSV UTF-8"),
    "nul byte": (raw(P, b"patient_id\n0\x0001\n"), P, 2, None, "NUL byte", "UTF-8"),
    "csv and parquet": (both_formats, L, None, None, "stands beside labs.parquet", "Keep one"),
    "float ids": (float_ids, "patients.parquet", 1, "patient_id", "leading zeros are lost", "as text"),
    "damaged parquet": (damaged_parquet, "outcomes.parquet", None, None, "Parquet", "again"),
    "path with dots": (swap(S, "img/a.nii.gz", "../a.nii.gz"), S, 2, "path", "leaves the import folder", "relative"),
    "absolute path": (swap(S, "img/a.nii.gz", "/etc/passwd"), S, 2, "path", "not relative", "inside it"),
    "windows path": (swap(S, "img/a.nii.gz", "C:/a.nii.gz"), S, 2, "path", "not relative", "inside it"),
    "backslash": (swap(S, "img/a.nii.gz", "img\\a.nii.gz"), S, 2, "path", "backslash", "with '/'"),
    "link out": (link_out, S, 3, "path", "through a link", "inside it"),
    "missing scan": (swap(S, "img/a.nii.gz", "img/z.nii.gz"), S, 2, "path", "no file 'img/z.nii.gz'", "add the file"),
    "folder as scan": (swap(S, "img/a.nii.gz", "img"), S, 2, "path", "is not a file", "NIfTI"),
    "table as scan": (swap(S, "img/a.nii.gz", "labs.csv"), S, 2, "path", "no image by its name", "NIfTI"),
    "not an image": (raw("img/a.nii.gz", b"nonsense"), S, 2, "path", "img/a.nii.gz: this is not an image", "again"),
    "unknown modality": (swap(S, "ct,Portal", "XR,Portal"), S, 2, "modality", "'XR' is not one of: CT, PT", "Use one"),
    "unknown phase": (swap(S, "Portal", "venous"), S, 2, "phase", "'venous' is not one of: non-enh", "leave the cell"),
    "unknown kind": (swap(M, "lesion,L1", "tumour,L1"), M, 2, "kind", "'tumour' is not one of: lesion, liver", "Use"),
    "mask of unknown scan": (
        swap(M, "img/a.nii.gz", "img/z.nii.gz"), M, 2, "scan_path", "not a scan of the scans file", "add the scan",
    ),
    "slice beyond the image": (swap(M, "L1,1,2", "L1,3,2"), M, 2, "slice_index", "3 lies beyond", "counted from 0"),
    "negative slice": (swap(M, "L1,1,2", "L1,-1,2"), M, 2, "slice_index", "-1 is not within 0", "Correct"),
    "half a slice": (swap(M, "L1,1,2", "L1,1.5,2"), M, 2, "slice_index", "not a whole number", "leave the cell"),
    "label 0": (swap(M, "L1,1,2", "L1,1,0"), M, 2, "label", "0 is not within 1 to", "Correct"),
    "reference arm": (
        text("study.json", '{"reference_arm": "placebo"}'), "study.json", None, "reference_arm", "not an arm", "Name",
    ),
    "study.json not json": (text("study.json", '{"title":\n oops}'), "study.json", 2, None, "is not JSON", "Write"),
    "study.json unknown entry": (text("study.json", '{"Title": "x"}'), "study.json", None, "Title", "unknown", "title"),
    "study.json wrong type": (
        text("study.json", '{"simulated": "yes"}'), "study.json", None, "simulated", "not true or false", "Write",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def template(make_source, tmp_path_factory) -> Path:
    """A home with the sound study, made once."""
    folder = tmp_path_factory.mktemp("template")
    import_study(Home.at(folder / "home"), make_source(folder / "source"), "trial")
    return folder / "home"


@pytest.fixture
def published(template: Path, home: Home) -> Home:
    """A store that holds the study as it was before the files were spoilt."""
    shutil.copytree(template, home.path)
    return home


@pytest.mark.parametrize("case", CASES)
def test_an_error_names_its_place_and_remedy(case: str, source: Path, published: Home, fingerprint) -> None:
    change, file, row, column, message, remedy = CASES[case]
    change(source)
    before = fingerprint(published.path)
    with pytest.raises(BadInputError) as raised:
        import_study(published, source, "trial", fmt="tables")
    place = file + (f", row {row}" if row is not None else "") + (f", column {column}" if column is not None else "")
    lines = [line for line in str(raised.value).splitlines() if line.startswith(place + ": ")]
    assert any(message in line and remedy in line for line in lines), str(raised.value)
    assert fingerprint(published.path) == before


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"size": (5, 4, 2)}, "it has (5, 4, 2) voxels, the scan (5, 4, 3)"),
        ({"spacing": 1.5}, "it lies up to 2.5 voxels"),
    ],
)
def test_a_mask_on_another_grid(grid, message: str, source: Path, published: Home, fingerprint, write_image) -> None:
    write_image(source / "img" / "a_mask.nii.gz", **grid)
    before = fingerprint(published.path)
    with pytest.raises(BadInputError) as raised:
        import_study(published, source, "trial")
    assert f"masks.csv, row 2, column path: the mask's grid is not the scan's: {message}" in str(raised.value)
    assert "resample the mask" in str(raised.value)
    assert fingerprint(published.path) == before


def test_all_errors_come_at_once_and_are_counted(source: Path, home: Home) -> None:
    rows = "".join(f"001,{week},CGA,x{week},ug/L,,\n" for week in range(100, 400))
    with (source / "labs.csv").open("a") as stream:
        stream.write(rows)
    swap(OUT, "40.5", "-5")(source)
    swap(T, ",30,", ",5000,")(source)
    with pytest.raises(BadInputError) as raised:
        import_study(home, source, "trial")
    message = str(raised.value)
    assert message.startswith("302 problems; nothing was imported.")
    assert "labs.csv, row 6, column value: 'x100'" in message
    assert "290 more rows like the one before, the last in row 305" in message
    assert "outcomes.csv, row 2" in message
    assert "lesions.csv, row 2" in message
    assert message.count("\n") < 20
    assert not home.path.exists()


def test_rows_are_counted_as_an_editor_does(source: Path, home: Home) -> None:
    (source / "labs.csv").write_text(
        '\ufeffpatient_id,week,test,value,unit\r\n001,0,CGA,1,"per\r\nlitre"\r\n\r\n,,,,\r\n001,1,CGA,bad,\r\n001,2\r\n',
        encoding="utf-8",
    )
    with pytest.raises(BadInputError) as raised:
        import_study(home, source, "trial")
    assert "labs.csv, row 7: has 2 cells" in str(raised.value)
    content = (source / "labs.csv").read_text(encoding="utf-8").replace("001,2\n", "")
    (source / "labs.csv").write_text(content, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"labs\.csv, row 6, column value: 'bad'"):
        import_study(home, source, "trial")


def test_a_mask_outside_the_lesions_file_is_only_odd(source: Path, home: Home) -> None:
    swap(M, "lesion,L1", "lesion,L9")(source)
    report = import_study(home, source, "trial")
    assert any(
        issue.file == M and issue.row == 2 and "'L9' is not in the lesions" in issue.message for issue in report.issues
    )


def test_the_folder_itself_may_be_a_link(source: Path, home: Home) -> None:
    link = source.parent / "link"
    link.symlink_to(source)
    assert import_study(home, link, "trial").snapshot_id is not None
