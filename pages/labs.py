"""Laboratory values: which of them a model uses, in which direction, at which visit, and what if they were others."""

from raise_core.ui import labs_choice, labs_start, labs_view
from raise_core.ui.navigation import LABS
from raise_core.ui.shell import open_page, picture_above_controls

page = open_page(LABS, title="Which laboratory values matter?")
question, picture, controls = picture_above_controls()
choice = labs_choice.choose(page, question=question, controls=controls)
report = labs_start.found_or_start(page, choice, place=picture)
if choice is not None and report is not None:
    labs_view.show(page, choice, report, place=picture)
    labs_view.details(page, report)
