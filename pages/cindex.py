"""C-index by week: would an earlier scan, or another marker, have told us?"""

from raise_core.ui import cindex_choice, cindex_view
from raise_core.ui.navigation import CINDEX
from raise_core.ui.shell import open_page, picture_above_controls

page = open_page(CINDEX, title="Would an earlier scan have told us?")
question, picture, controls = picture_above_controls()
choice = cindex_choice.choose(page, question=question, controls=controls)
result = cindex_view.evaluate(page, choice, place=picture)
if result is not None:
    cindex_view.headline(page, result, place=picture)
    cindex_view.figure(page, choice, result, place=picture)
    cindex_view.warnings(page, result)
    cindex_view.details(page, choice, result)
