"""Survival: Kaplan-Meier curves of any groups, with thresholds that can be moved."""

from raise_core.ui.navigation import SURVIVAL
from raise_core.ui.shell import open_page
from raise_core.ui.survival_view import survival

page = open_page(SURVIVAL, title="How long without the event, and in whom?")
survival(page)
