"""What did the network look at? Saliency of PET, CT and lesion crops; what principal components stand for."""

from raise_core.ui.attention_page import attention
from raise_core.ui.navigation import ATTENTION
from raise_core.ui.shell import open_page

page = open_page(ATTENTION, title="What did the network look at?")
attention(page)
