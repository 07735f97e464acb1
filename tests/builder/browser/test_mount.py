"""The page put into two places at once: each part knows its own elements only, both show the one run."""

import pytest

# A second page beside the first, in a shadow root, whose identifiers are its own.
SECOND = """async () => {
    const { mount } = await import("/static/page.js");
    const host = document.createElement("div");
    host.id = "second";
    document.body.append(host);
    const root = host.attachShadow({ mode: "open" });
    for (const sheet of document.querySelectorAll("link[rel=stylesheet]")) root.append(sheet.cloneNode());
    const names = ["bar", "panes", "data", "network", "train", "look"];
    const places = Object.fromEntries(names.map(id => [id, document.getElementById(id).cloneNode(false)]));
    root.append(...Object.values(places));
    mount(places);
}"""

# Identifiers that a tree has twice, and those that its elements refer to but that it lacks.
AMISS = """() => [document, document.getElementById("second").shadowRoot].map(tree => {
    const ids = [...tree.querySelectorAll("[id]")].map(one => one.id);
    const named = ["for", "aria-labelledby", "aria-describedby", "aria-controls"];
    const meant = [...tree.querySelectorAll(named.map(name => `[${name}]`).join())]
        .flatMap(one => named.flatMap(name => (one.getAttribute(name) ?? "").split(" ").filter(Boolean)));
    return [ids.filter((id, i) => ids.indexOf(id) !== i), meant.filter(id => !ids.includes(id))];
})"""


@pytest.fixture
def both(open_page):
    """A page, and what finds an element of the second one in it: selectors of Playwright look into shadow roots."""
    view = open_page("digits", height=2400)
    view.page.evaluate(SECOND)
    view.find("#second #strip .layer-card").first.wait_for()
    return view, lambda selector: view.find(f"#second {selector}")


def test_both_show_the_one_run(both):
    view, second = both
    cards = view.find("main #strip .layer-card").count()
    assert cards == len(view.layers()) == second("#strip .layer-card").count()
    second("#step-epoch").click()
    for page in ("main", "#second"):
        view.until(lambda page=page: view.find(f"{page} #epoch").get_attribute("data-epoch") == "1")
    assert view.find("main #loss").inner_text() == second("#loss").inner_text() != "–"


def test_identifiers_stay_within_their_page(both):
    view, second = both
    assert view.page.evaluate(AMISS) == [[[], []], [[], []]]
    second("label[for=batch-size]").click()
    assert second("#batch-size").evaluate("box => box.getRootNode().activeElement === box")
    second("#tab-doctor").click()
    assert second("#panel-doctor").is_visible()
    assert view.find("main #panel-doctor").is_visible()  # which tab is shown, they have in common


def test_what_one_looks_at_is_each_page_s_own(both):
    view, second = both
    second('[data-view="worst"]').click()
    second("#worst").wait_for()
    assert view.find("main #confusion").is_visible() and view.find("main #worst").count() == 0
    second("#drawing-canvas").press("ArrowRight")
    assert second("#drawing-readout").get_attribute("data-kind") == "column"
    assert view.find("main #drawing-readout").get_attribute("data-kind") == "hint"


def test_edits_of_one_are_seen_in_the_other(both):
    view, second = both
    before = view.layers()
    second("#palette button").first.click()
    view.until(lambda: len(view.layers()) == len(before) + 1)
    for page in ("main", "#second"):
        view.expect(view.find(f"{page} #strip .layer-card")).to_have_count(len(before) + 1)
    second("#strip .layer-card").first.press("Delete")
    view.until(lambda: len(view.layers()) == len(before))
    for page in ("main", "#second"):
        view.expect(view.find(f"{page} #strip .layer-card")).to_have_count(len(before))
    assert second("#strip .layer-card").first.evaluate("card => card.getRootNode().activeElement === card")


def test_a_refusal_is_shown_where_it_was_provoked(both):
    view, second = both
    second("#learning-rate").fill("-1")
    second("#learning-rate").press("Enter")
    second("#train .mistake").wait_for()
    assert view.find("main .mistake").count() == 0
