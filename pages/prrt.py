"""The PRRT study: models of PET, CT and laboratory values before treatment, scored side by side."""

from raise_core.ui import prrt_choice, prrt_view
from raise_core.ui.navigation import PRRT
from raise_core.ui.shell import open_page

page = open_page(PRRT, title="Who stays free of progression for a year?")
run = prrt_choice.choose_run(page)
if run is not None:
    prrt_view.prrt(page, run)
