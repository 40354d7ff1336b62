"""Cache: what is kept, what it saved, whether it is whole, and clearing it."""

from raise_core.ui import cache_view
from raise_core.ui.navigation import CACHE
from raise_core.ui.shell import open_page

page = open_page(CACHE, title="What is kept, and is it whole?")
cache_view.headline(page)
rows = cache_view.kept(page)
cache_view.hit_rates(page)
cache_view.verify(page)
cache_view.prune(page, rows)
