"""The optional `study.json` beside the tables: title, simulated or not, reference arm, what is known after baseline."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from raise_core.ingest.issues import Findings
from raise_core.ingest.layout import DESCRIPTION_FILE

_CONTROL_ARM = re.compile(r"\b(placebo|control|observation|best supportive|standard|sham)", re.IGNORECASE)
_KEYS: dict[str, tuple[type, str]] = {
    "title": (str, "text in quotation marks"),
    "simulated": (bool, "true or false"),
    "reference_arm": (str, "the name of an arm in quotation marks"),
    "after_baseline": (list, "a list of columns of the patients file"),
}
_REMEDY = 'Write, for example, {"title": "My trial", "simulated": false, "reference_arm": "Placebo"}.'


@dataclass(frozen=True)
class Description:
    """What the importer says of the study.

    Attributes:
        title: name for people, None when not given.
        simulated: True when the patients do not exist.
        reference_arm: arm that hazard ratios are read against, None when not given.
        after_baseline: columns of the patients file that are known only after baseline, each once.
    """

    title: str | None = None
    simulated: bool = False
    reference_arm: str | None = None
    after_baseline: tuple[str, ...] = ()


def read_description(folder: Path, findings: Findings) -> Description:
    """Read `study.json` if it is there; what is wrong with it goes to `findings`."""
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        return Description()
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        findings.error(path.name, "is not UTF-8.", "Save it as UTF-8.")
        return Description()
    except json.JSONDecodeError as error:
        findings.error(path.name, f"is not JSON ({error.msg}).", _REMEDY, row=error.lineno)
        return Description()
    if not isinstance(content, dict):
        findings.error(path.name, "is not a JSON object.", _REMEDY, row=1)
        return Description()
    for key, value in content.items():
        if key not in _KEYS:
            findings.error(path.name, f"has the unknown entry {key!r}.", f"Entries are {', '.join(_KEYS)}.", column=key)
        elif not (isinstance(value, _KEYS[key][0]) or value is None) or value == "":
            findings.error(path.name, f"{key} is {value!r}, not {_KEYS[key][1]}.", _REMEDY, column=key)
    late = content.get("after_baseline")
    return Description(
        after_baseline=tuple(dict.fromkeys(map(str, late))) if isinstance(late, list) else (),
        title=content["title"] if isinstance(content.get("title"), str) else None,
        simulated=content.get("simulated") is True,
        reference_arm=content["reference_arm"] if isinstance(content.get("reference_arm"), str) else None,
    )


def choose_reference_arm(named: str | None, patients: pd.DataFrame, findings: Findings) -> str | None:
    """The arm that others are compared with.

    The one `study.json` names; else an arm whose name says control (placebo, observation, standard, ...); else the
    first in alphabetical order; None without arms.
    """
    arms = sorted(set(patients["arm"].dropna())) if "arm" in patients else []
    if named is not None:
        if named not in arms:
            there = ", ".join(arms) or "none"
            findings.error(
                DESCRIPTION_FILE,
                f"the reference arm {named!r} is not an arm of the patients file (arms: {there}).",
                "Name one of them as it is written there.",
                column="reference_arm",
            )
        return named
    controls = [arm for arm in arms if _CONTROL_ARM.search(arm)]
    candidates = controls or arms
    return str(candidates[0]) if candidates else None


def check_after_baseline(named: tuple[str, ...], patients: pd.DataFrame, findings: Findings) -> None:
    """Report columns said to be known only after baseline that are no characteristics of the patients file."""
    columns = [str(column) for column in patients.columns if column != "patient_id"]
    for name in named:
        if name not in columns:
            findings.error(
                DESCRIPTION_FILE,
                f"after_baseline names {name!r}, which is no characteristic of the patients file "
                f"(columns: {', '.join(columns) or 'none'}).",
                'Name columns as they are written there, for example "after_baseline": ["prrt_cycles"].',
                column="after_baseline",
            )
