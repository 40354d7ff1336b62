"""Response: how the tumours responded, visit by visit, at best and over time, and how fast they grew."""

from raise_core.ui import response_choice, response_view
from raise_core.ui.navigation import RESPONSE
from raise_core.ui.shell import open_page, picture_above_controls

page = open_page(RESPONSE, title="How did the tumours respond?")
question, place, controls = picture_above_controls()
choice = response_choice.choose(page, question=question, controls=controls)
response_view.picture(page, choice, place=place)
response_view.details(page, choice)
