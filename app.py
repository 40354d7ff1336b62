"""Home: what this is, which cohort is open, its headline numbers, where to go and what has been run."""

from raise_core.ui import home_view
from raise_core.ui.navigation import HOME
from raise_core.ui.shell import open_page

page = open_page(HOME, title="Can a scan and a blood test tell who will progress?")
home_view.introduction(page)
home_view.cohort_numbers(page)
home_view.headline_result(page)
home_view.questions()
home_view.kept_views(page)
home_view.finished_runs(page)
