"""Patient: one person's scans, sizes and blood tests over time, and what a model said at each visit."""

from raise_core.ui import patient_choice, patient_view
from raise_core.ui.navigation import PATIENT
from raise_core.ui.shell import open_page

page = open_page(PATIENT, title="How did this patient do?")
choice = patient_choice.choose(page)
course = patient_view.course(page, choice)
cohort_risks = patient_view.risks(page, choice)
risks = patient_view.of_patient(page, choice, cohort_risks)
patient_view.header(page, choice, course, cohort_risks, risks)
patient_view.timeline(page, choice, course, cohort_risks, risks)
patient_view.scans(page, choice)
patient_view.details(page, choice, course, cohort_risks, risks)
