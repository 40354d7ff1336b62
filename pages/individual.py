"""What if: a fitted model's predicted survival for any values of its markers, and the patient's place in the cohort."""

from raise_core.ui import individual_choice, individual_view
from raise_core.ui.navigation import INDIVIDUAL
from raise_core.ui.shell import open_page

page = open_page(INDIVIDUAL, title="What if this patient’s values were others?")
choice = individual_choice.choose(page)
if choice is not None:
    individual_view.explore(page, choice)
    individual_view.model(page, choice)
    individual_view.details(page, choice)
