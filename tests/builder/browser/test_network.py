"""Layers that are dragged, moved and put in: mouse, buttons and keys all lead to the same network."""

import json

import pytest

LAYERS = [
    {"type": "Dense", "units": 5, "activation": "relu"},
    {"type": "Dense", "units": 7, "activation": "tanh"},
    {"type": "Dropout", "rate": 0.1},
    {"type": "Dense", "units": 3, "activation": "softmax"},
]


def distinct(page):
    """Give the network layers that no two of are alike."""
    page.take_layers(LAYERS)


@pytest.fixture
def view(open_page):
    return open_page("spiral", prepare=distinct)


def card(view, index):
    return view.find(f'#strip .layer-card[data-index="{index}"]')


def connections(view):
    """Return how many layers each card is joined with, by the sizes that it says it reads and gives."""
    return [(shape["n_in"], shape["n_out"]) for shape in view.state()["shapes"]]


def test_dragging_and_keys_lead_to_the_same_network(view):
    start = json.dumps(view.state()["layers"])
    view.find("#strip").scroll_into_view_if_needed()
    first = card(view, 0).bounding_box()
    view.drag(card(view, 1), (first["x"] + 4, first["y"] + first["height"] / 2))
    view.until(lambda: view.layers() == ["Dense 7", "Dense 5", "Dropout", "Dense 3"])
    dragged, joined = view.state()["layers"], connections(view)
    view.expect(card(view, 0)).to_contain_text("7")
    view.press("Control+z")
    view.until(lambda: json.dumps(view.state()["layers"]) == start)
    card(view, 1).focus()
    view.press("Alt+ArrowLeft")
    view.until(lambda: view.layers()[0] == "Dense 7")
    assert view.state()["layers"] == dragged
    assert connections(view) == joined
    view.until(lambda: card(view, 0).evaluate("card => card === document.activeElement"))
    view.press("Alt+ArrowRight")
    view.until(lambda: json.dumps(view.state()["layers"]) == start)


def test_dragging_further_than_one_place(view):
    box = card(view, 2).bounding_box()
    view.drag(card(view, 0), (box["x"] + box["width"] - 4, box["y"] + box["height"] / 2))
    view.until(lambda: view.layers() == ["Dense 7", "Dropout", "Dense 5", "Dense 3"])


def test_buttons_do_what_dragging_does(view):
    card(view, 1).click()
    view.find('[data-action="move-left"]').click()
    view.until(lambda: view.layers() == ["Dense 7", "Dense 5", "Dropout", "Dense 3"])
    view.find('[data-action="duplicate"]').click()
    view.until(lambda: view.layers() == ["Dense 7", "Dense 7", "Dense 5", "Dropout", "Dense 3"])
    view.find('[data-action="remove"]').click()
    view.until(lambda: view.layers() == ["Dense 7", "Dense 5", "Dropout", "Dense 3"])


def test_a_layer_comes_from_the_palette(view):
    box = card(view, 0).bounding_box()
    view.drag(view.find('[data-palette="Dense"]'), (box["x"] + 4, box["y"] + box["height"] / 2))
    view.until(lambda: len(view.layers()) == 5)
    assert view.layers()[0].startswith("Dense") and view.layers()[1:] == ["Dense 5", "Dense 7", "Dropout", "Dense 3"]
    view.button("Undo").click()
    view.until(lambda: len(view.layers()) == 4)
    card(view, 1).click()
    view.find('[data-palette="BatchNorm"]').click()
    view.until(lambda: view.layers() == ["Dense 5", "Dense 7", "BatchNorm", "Dropout", "Dense 3"])


def test_what_reads_the_rows_goes_first(view):
    card(view, 1).click()
    view.find('[data-palette="Normalization"]').click()
    view.until(lambda: view.layers() == ["Normalization", "Dense 5", "Dense 7", "Dropout", "Dense 3"])
    card(view, 0).click()
    view.expect(view.find("#network .mistake, #notices .mistake")).to_have_count(0)
    assert view.page.locator('#network [data-where$=".mean"]').count() == 0


def test_the_last_layer_stays_the_last(view):
    """A click, or Insert, while it is selected: the layer goes before it, where it is allowed to be."""
    card(view, 3).click()
    view.find('[data-palette="Dropout"]').click()
    view.until(lambda: view.layers() == ["Dense 5", "Dense 7", "Dropout", "Dropout", "Dense 3"])
    card(view, 4).focus()
    view.press("Insert")
    view.until(lambda: view.layers()[-1] == "Dense 3" and len(view.layers()) == 6)
    view.expect(view.find("#network .mistake, #notices .mistake")).to_have_count(0)


def test_a_drag_that_is_given_up_changes_nothing(view):
    version = view.state()["version"]
    x, y = view.middle(card(view, 0))
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(x + 200, y, steps=5)
    view.press("Escape")
    view.page.mouse.up()
    view.page.wait_for_timeout(200)
    assert view.state()["version"] == version


def test_illegal_places_say_why(view):
    """Dropout cannot be the last layer."""
    layers = view.layers()
    card(view, 3).focus()
    view.press("Alt+ArrowLeft")
    view.expect(view.find("#network .mistake, #notices .mistake").first).to_contain_text("last layer")
    assert view.layers() == layers


def test_fields_of_a_layer(view):
    card(view, 0).click()
    form = view.find("#layer-form")
    units = form.locator('[data-where="layers[0].units"] input')
    units.fill("11")
    view.press("Enter")
    view.until(lambda: view.layers()[0] == "Dense 11")
    units = form.locator('[data-where="layers[0].units"] input')
    units.fill("0")
    view.press("Enter")
    mistake = form.locator('[data-where="layers[0].units"] .mistake')
    view.expect(mistake).to_contain_text("units")
    assert units.get_attribute("aria-invalid") == "true"
    assert view.layers()[0] == "Dense 11"
    form.locator('[data-where="layers[0].activation"] select').select_option("elu")
    view.until(lambda: view.state()["layers"][0]["activation"]["name"] == "elu")


def test_an_absurd_network_is_refused_and_changes_nothing(view):
    card(view, 0).click()
    view.find('#layer-form [data-where="layers[0].units"] input').fill("999999999")
    view.press("Enter")
    view.expect(view.find('#layer-form [data-where="layers[0].units"] .mistake')).to_be_visible()
    assert view.layers()[0] == "Dense 5"


def test_edits_while_it_trains_keep_what_fits(view):
    view.find("#train-button").click()
    view.until(lambda: view.state()["run"]["epoch"] > 3)
    card(view, 1).focus()
    view.press("Delete")
    state = view.until(lambda: len((found := view.state())["layers"]) == 3 and found)
    assert state["run"]["playing"] and state["run"]["epoch"] > 3
    view.expect(view.find("#notices")).to_contain_text("the others keep theirs")
    view.until(lambda: view.state()["run"]["epoch"] > state["run"]["epoch"])


def test_an_initializer_with_a_scale_is_chosen_and_scaled(view):
    card(view, 0).click()
    view.page.get_by_text("More settings").click()
    box = view.page.get_by_label("Weight initializer")
    assert (
        "he_normal" in box.locator("option").all_inner_texts() or "he normal" in box.locator("option").all_inner_texts()
    )
    box.select_option("normal")
    view.until(lambda: view.state()["layers"][0]["weight_initializer"] == {"type": "RandomNormal", "stddev": 0.05})
    view.page.get_by_label("Stddev").fill("0.2")
    view.press("Enter")
    view.until(lambda: view.state()["layers"][0]["weight_initializer"] == {"type": "RandomNormal", "stddev": 0.2})
    view.page.get_by_label("Weight initializer").select_option("auto")
    view.until(lambda: view.state()["layers"][0]["weight_initializer"] == "auto")
    biases = view.page.get_by_label("Bias initializer").locator("option").all_inner_texts()
    assert "zeros" in biases
    assert not [name for name in biases if name.startswith(("he", "glorot", "lecun", "auto"))], "a bias has no fans"


def test_a_refusal_is_shown_below_the_strip_and_moves_nothing(open_page):
    def full(page):
        hidden = [{"type": "Dense", "units": 4, "activation": "relu"}] * 63
        page.take_layers([*hidden, {"type": "Dense", "units": 1, "activation": "sigmoid"}])

    view = open_page("xor", prepare=full)
    places = ["#strip", "#layer-settings", "#drawing"]
    before = [view.box(place) for place in places]
    view.button("Dense").click()
    view.expect(view.find(".strip-refusal .mistake")).to_contain_text("at most 64 layers")
    assert [view.box(place) for place in places] == before
    view.expect(view.find("#live")).to_have_text("")
    view.find('#strip .layer-card[data-index="0"]').focus()
    view.press("Delete")
    view.expect(view.find(".strip-refusal .mistake")).to_have_count(0)


def test_a_card_that_is_dragged_looks_as_it_did(view):
    """Its bar, too: nothing of the copy that goes with the pointer is larger than in the card."""
    view.train(1)
    view.find("#strip").scroll_into_view_if_needed()
    view.until(lambda: card(view, 0).locator(".flow.known").count())
    sizes = {part: card(view, 0).locator(part).bounding_box() for part in (".track", ".fill", ".card-body")}
    x, y = view.middle(card(view, 0))
    view.page.mouse.move(x, y - 60)
    view.page.mouse.down()
    view.page.mouse.move(x + 60, y - 40, steps=5)
    view.find(".ghost").wait_for()
    for part, box in sizes.items():
        found = view.find(f".ghost {part}").bounding_box()
        for side in ("width", "height"):
            assert abs(found[side] - box[side]) < 2, part
    view.press("Escape")
    view.page.mouse.up()


def named_after_javascript(page):
    """A link, and a table, whose names every object of JavaScript has."""
    rows = "".join(f"{i % 7},{i % 5 - i % 3},{['constructor', '__proto__', 'toString'][i % 3]}\n" for i in range(60))
    page("set_data", csv="constructor,__proto__,toString\n" + rows, options={"file": "valueOf"})
    inner = [{"type": "Dense", "units": 4, "name": "valueOf"}]
    page.take_layers(
        [
            {"type": "Dense", "units": 4, "activation": "relu", "name": "constructor"},
            {"type": "BatchNorm", "name": "toString"},
            {"type": "Residual", "name": "hasOwnProperty", "layers": inner},
            {"type": "Dense", "units": 3, "activation": "softmax", "name": "__proto__"},
        ]
    )


def test_names_that_javascript_knows_stop_nothing(open_page):
    view = open_page("xor", prepare=named_after_javascript)
    names = ["constructor", "toString", "hasOwnProperty", "valueOf", "__proto__"]
    assert view.state()["names"] == names
    view.train(3)
    learning = [name for name in names if name != "hasOwnProperty"]
    for name in learning:
        norm = view.state()["frame"]["gradient_norms"][name]
        assert f"next batch: {norm:.4g}." in view.find(f'#strip [data-gradient="{name}"]').get_attribute("title")
    assert sorted(json.loads(view.data("#drawing", "norms"))) == sorted(["constructor", "valueOf", "__proto__"])
    view.find("#drawing-table > summary").click()
    view.find("#drawing-canvas").focus()
    for _ in range(6):
        view.press("ArrowRight")
    for kind in ("confusion", "worst"):
        view.find(f'[data-view="{kind}"]').click()
        view.expect(view.find("#panel-evaluate")).to_contain_text("__proto__")
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-beats [data-beat]").first.wait_for()
    assert view.find('#explain-beats [data-beat="backward:__proto__"]').count() == 1
    for _ in range(8):
        view.press("Space")
    view.find("#tab-doctor").click()
    card(view, 0).click()
    view.find("#layer-form").wait_for()
    view.press("Delete")
    view.until(lambda: view.state()["names"][0] == "toString")
    view.press("Control+z")
    view.until(lambda: view.state()["names"] == names)


def test_edits_in_a_row_while_an_epoch_is_paused_are_all_made(open_page, monkeypatch):
    """For the first the epoch is given up, which is a state of its own: the second must not be of that."""
    monkeypatch.setattr("nncore.builder.watching.LONG", 0)
    monkeypatch.setattr("nncore.builder.watching.PATIENCE", 0)
    monkeypatch.setattr("nncore.builder.session.PATIENCE", 0)

    def slow(page):
        wide = [{"type": "Dense", "units": units, "activation": "relu"} for units in (800, 600)]
        page.take_layers([*wide, {"type": "Dense", "units": 10, "activation": "softmax"}])
        page("set_training", batch_size=1)

    view = open_page("digits", prepare=slow)
    view.ask("train")
    view.until(lambda: view.state()["run"]["batch"] > 0)
    view.ask("pause")
    assert view.server.session.held
    assert view.page.evaluate(PUT_IN_THREE) == [True, True, True]
    assert view.layers() == ["Dense 800", *["Dropout"] * 3, "Dense 600", "Dense 10"]


PUT_IN_THREE = """async () => {
  const { insertKind } = await import("/static/network/edits.js");
  return Promise.all([1, 2, 3].map(index => insertKind("Dropout", index)));
}"""
