"""Residual groups: layers go in and out, each in one step of undo; and what two pages do to one network at once."""

import pytest

LAYERS = [
    {"type": "Dense", "units": 6, "activation": "relu"},
    {"type": "Residual", "layers": [{"type": "Dense", "units": 6}]},
    {"type": "Dense", "units": 6, "activation": "tanh"},
    {"type": "Dense", "units": 3, "activation": "softmax"},
]


@pytest.fixture
def view(open_page):
    return open_page("spiral", prepare=lambda page: page.take_layers(LAYERS))


def groups(view):
    """Return kinds, and of a group the activations inside: ["Dense", ["identity", "tanh"], "Dense"]."""
    return [
        [inner["activation"]["name"] for inner in layer["layers"]] if layer["type"] == "Residual" else layer["type"]
        for layer in view.state()["layers"]
    ]


def choose_group(view):
    """Click the head of the group's card: further down are the layers inside."""
    view.find('#strip .layer-card[data-index="1"]').click(position={"x": 60, "y": 16})


def test_a_layer_goes_into_a_group_and_out_in_one_step_of_undo(view):
    start = view.state()["layers"]
    choose_group(view)
    view.find("[data-action=take-in-after]").click()
    view.until(lambda: groups(view) == ["Dense", ["identity", "tanh"], "Dense"])
    view.press("Control+z")
    view.until(lambda: view.state()["layers"] == start)
    choose_group(view)
    view.find("[data-action=take-in-before]").click()
    view.until(lambda: groups(view) == [["relu", "identity"], "Dense", "Dense"])
    view.find("[data-inner='0']").click()
    view.find("[data-action=take-out]").click()
    view.until(lambda: groups(view) == [["identity"], "Dense", "Dense", "Dense"])
    view.press("Control+z")
    view.until(lambda: groups(view) == [["relu", "identity"], "Dense", "Dense"])
    view.press("Control+z")
    view.until(lambda: view.state()["layers"] == start)


def test_a_layer_that_cannot_go_into_a_group_stays_and_it_is_said_why(view):
    view.ask("remove", index=2)
    start = view.state()["layers"]
    choose_group(view)
    view.find("[data-action=take-in-after]").click()
    view.expect(view.find("#notices")).to_contain_text("the network must end with Dense(3, 'softmax')")
    view.until(lambda: view.state()["layers"] == start)
    assert "taken into the group" not in view.text("#live")


def test_an_edit_of_what_another_page_has_changed_is_refused(view):
    """The other page's edit comes in between: the server has it already, this page not yet."""
    view.find('#strip .layer-card[data-index="2"]').click()
    edit = "({ edits }) => import('/static/core/store.js').then(({ store }) => { store.state.edits = edits; })"
    view.page.evaluate(edit, {"edits": view.state()["edits"] - 1})
    view.press("Delete")
    view.expect(view.page.get_by_text("another page has changed the network")).to_be_visible()
    assert groups(view)[2] == "Dense"
    assert len(view.state()["layers"]) == 4


def test_layers_that_the_page_does_not_offer_are_shown_and_trained(open_page):
    """As in a model file that was made elsewhere: cards, form, drawing and a step taken apart."""
    branches = [
        [{"type": "Columns", "columns": [1, 0]}, {"type": "Dense", "units": 5}],
        [{"type": "Dense", "units": 4}],
        [],
    ]
    layers = [
        {"type": "Parallel", "branches": branches},
        {"type": "Columns", "columns": [10, 3, 0]},
        {"type": "Dense", "units": 6, "activation": "tanh"},
        {"type": "Dense", "units": 3, "activation": "softmax"},
    ]
    view = open_page("spiral", prepare=lambda page: page.take_layers(layers))
    assert [layer["type"] for layer in view.state()["layers"]] == ["Parallel", "Columns", "Dense", "Dense"]
    assert "Parallel" not in view.text("#palette") and "Columns" not in view.text("#palette")
    for index in range(4):
        view.find(f'#strip .layer-card[data-index="{index}"]').click(position={"x": 60, "y": 16})
        view.expect(view.find("#layer-form-title")).to_be_visible()
    view.expect(view.find('#strip .layer-card[data-index="0"]')).to_contain_text("11")
    view.ask("train", epochs=3)
    view.until(lambda: view.state()["run"]["epoch"] >= 3)
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-beats").wait_for()
    for _ in range(6):
        view.find("#explain-next").click()
