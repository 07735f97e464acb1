"""Every screen, light and dark: an audit by axe-core, and a picture.

The pictures go into the folder that NNCORE_SCREENSHOTS names, else into a temporary one.
"""

import os
from pathlib import Path

import pytest

from .screens import SCREENS


@pytest.fixture(scope="module")
def axe():
    found = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-core, which audits pages, is missing"
    )
    return found.Axe()


@pytest.fixture
def folder(tmp_path):
    found = Path(os.environ.get("NNCORE_SCREENSHOTS", tmp_path))
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens(open_page, axe, folder, scheme):
    """No screen has a finding that axe-core calls serious or critical."""
    view = open_page("digits", color_scheme=scheme, reduced_motion="reduce")
    found = {}
    for name, (show, part) in SCREENS.items():
        with show(view):
            view.page.screenshot(path=folder / f"{name}-{scheme}.png")
            found[name] = severe(axe.run(view.page, part).response)
    assert found == {name: [] for name in SCREENS}


def severe(response):
    """Return what is wrong, and the first elements that it is about."""
    return [
        f"{finding['id']}: {[node['html'][:160] for node in finding['nodes'][:4]]}"
        for finding in response["violations"]
        if finding["impact"] in ("serious", "critical")
    ]


def test_the_audit_would_notice(open_page, axe):
    view = open_page("xor")
    view.find("#train-title").evaluate("title => (title.style.color = 'rgb(150 150 150)')")
    view.find("#train-button").evaluate("button => [button.replaceChildren(), button.removeAttribute('title')]")
    found = severe(axe.run(view.page, "#train").response)
    assert sorted(text.split(":")[0] for text in found) == ["button-name", "color-contrast"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_for_the_readme(open_page, folder, scheme):
    """The spiral, learnt: data, network, curves and the map of what it decides."""
    view = open_page("spiral", color_scheme=scheme, reduced_motion="reduce", height=1720)
    view.train(150)
    view.find("#loss-chart .plot-container").wait_for()
    view.until(lambda: "150" in view.text("#evaluate-epoch"))
    view.page.wait_for_timeout(400)  # until the charts, which draw themselves five times a second, have the last epoch
    path = folder / f"builder-{scheme}.png"
    view.page.screenshot(path=path)
    assert 50_000 < path.stat().st_size < 1_000_000
