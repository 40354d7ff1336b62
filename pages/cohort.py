"""Cohort: who are these patients, who was counted, how do the arms compare, how does any marker run?"""

from raise_core.ui import cohort_compare, cohort_markers, cohort_view
from raise_core.ui.navigation import COHORT
from raise_core.ui.shell import open_page

page = open_page(COHORT, title="Who are these patients?")
show = {
    cohort_view.FLOW: cohort_view.flow,
    cohort_view.VISITS: cohort_view.visits,
    cohort_view.BASELINE: cohort_view.baseline,
    cohort_view.MARKERS: cohort_markers.markers,
    cohort_view.COMPARE: cohort_compare.saved_cohorts,
}
show[cohort_view.section()](page)
