"""Pictures of every screen, light and dark, in the folder NNCORE_SCREENSHOTS or else a temporary one."""

import os
from pathlib import Path

import pytest

from .screens import SCREENS


@pytest.fixture
def folder(tmp_path):
    found = Path(os.environ.get("NNCORE_SCREENSHOTS", tmp_path))
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_every_screen(open_page, folder, scheme):
    view = open_page("digits", color_scheme=scheme, reduced_motion="reduce")
    for name, show in SCREENS.items():
        with show(view):
            picture(view, folder / f"{name}-{scheme}.png")


def picture(view, path):
    view.page.wait_for_timeout(150)
    view.page.screenshot(path=path)
    assert path.stat().st_size > 10_000
