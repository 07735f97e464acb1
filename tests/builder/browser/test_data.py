"""Data of one's own: pasted, from a file, broken, and full of markup that must stay text."""

import pytest

FLATS = "size,colour,price\n" + "".join(f"{i % 7}.5,{'red' if i % 3 else 'blue'},{i * 1.25}\n" for i in range(60))
EVIL = '<img src=x onerror="document.title=1">'
MARKUP = f"size,{EVIL},kind\n" + "".join(
    f"{i % 9},{i % 4},{'<b>bold</b>' if i % 2 else '<script>document.title=2</script>'}\n" for i in range(40)
)


def paste(view, text):
    if not view.find("#csv-dialog").count():
        view.find("#csv-open").click()
    view.find("#csv-text").fill(text)
    view.find("#csv-load").click()


def test_a_table_is_pasted(open_page):
    view = open_page("xor")
    paste(view, FLATS)
    state = view.until(lambda: (found := view.state())["data"]["name"] == "csv" and found)
    assert state["data"]["n"] == 60 and state["data"]["task"] == "regression"
    view.expect(view.find("#data")).to_contain_text("60")
    view.find("#target").select_option("colour")
    state = view.until(lambda: (found := view.state())["data"]["task"] == "classification" and found)
    assert state["data"]["classes"] == ["blue", "red"]
    assert state["layers"][-1]["units"] == 2
    view.expect(view.find("#class-balance")).to_contain_text("blue")
    view.find("#step-epoch").click()
    view.until(lambda: view.epoch() == 1)


def test_a_table_is_chosen_as_a_file(open_page, tmp_path):
    (tmp_path / "flats.csv").write_text(FLATS)
    view = open_page("xor")
    view.find("#csv-open").click()
    view.find("#csv-file").set_input_files(tmp_path / "flats.csv")
    state = view.until(lambda: (found := view.state())["data"]["name"] == "csv" and found)
    assert state["data"]["options"]["file"] == "flats.csv"
    assert "datasets.read_csv('flats.csv'" in view.ask("export", kind="script")["text"]


def dropped(view, selector, name, text):
    """Drop a file onto an element; return whether the browser was kept from opening it, as it would by itself."""
    holding = "([name, text]) => { const all = new DataTransfer(); all.items.add(new File([text], name)); return all; }"
    drag = """(element, [kind, dataTransfer]) =>
        element.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }))"""
    held = view.page.evaluate_handle(holding, [name, text])
    over, drop = (view.find(selector).evaluate(drag, [kind, held]) for kind in ("dragover", "drop"))
    return not (over or drop)


def test_a_table_is_dropped(open_page):
    view = open_page("xor")
    assert dropped(view, "#preview", "flats.csv", FLATS)
    state = view.until(lambda: (found := view.state())["data"]["name"] == "csv" and found)
    assert state["data"]["options"]["file"] == "flats.csv" and state["data"]["n"] == 60
    view.expect(view.find("#target option")).to_have_text(["size", "colour", "price"])
    assert dropped(view, "#data", "rows.csv", "a,b\n1,2\n3\n")
    view.expect(view.find("#csv-dialog .mistake")).to_contain_text("expected 2 fields")
    assert view.find("#csv-text").input_value() == "a,b\n1,2\n3\n"
    assert dropped(view, "#csv-dialog", "beds.csv", FLATS.replace("price", "beds"))
    view.until(lambda: view.state()["data"]["options"]["file"] == "beds.csv")
    view.expect(view.find("#csv-dialog")).to_have_count(0)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("open_first", [True, False])
def test_a_file_keeps_its_name_whatever_ends_its_lines(open_page, tmp_path, end, open_first):
    view = open_page("xor")
    text = FLATS.replace("\n", end)
    if open_first:
        (tmp_path / "flats.csv").write_bytes(text.encode())
        view.find("#csv-open").click()
        view.find("#csv-file").set_input_files(tmp_path / "flats.csv")
    else:
        dropped(view, "#preview", "flats.csv", text)
    state = view.until(lambda: (found := view.state())["data"]["name"] == "csv" and found)
    assert state["data"]["options"]["file"] == "flats.csv" and state["data"]["n"] == 60
    view.find("#csv-open").click()
    view.find("#csv-load").click()
    view.until(lambda: view.state()["version"] > state["version"])
    assert view.state()["data"]["options"]["file"] == "flats.csv"
    paste(view, FLATS + "1,red,2\n")
    view.until(lambda: view.state()["data"]["n"] == 61)
    assert view.state()["data"]["options"]["file"] == "pasted.csv"


def test_a_file_that_is_dropped_elsewhere_is_not_opened(open_page):
    """Nor does the browser leave the page to show it."""
    view = open_page("xor")
    before = view.state()
    assert dropped(view, "#train", "flats.csv", FLATS)
    view.page.wait_for_timeout(200)
    assert view.state() == before


def test_a_broken_table_says_what_is_wrong_and_changes_nothing(open_page):
    view = open_page("xor")
    view.train(2)
    before, weights = view.state(), view.weights()
    paste(view, "a,b\n1,2\n3\n")
    view.expect(view.find("#csv-dialog .mistake")).to_contain_text("expected 2 fields")
    paste(view, "a,b\n,2\n,3\n")
    view.expect(view.find("#csv-dialog .mistake")).to_contain_text("no input has a value")
    view.press("Escape")
    view.expect(view.find("#csv-dialog")).to_have_count(0)
    assert view.state() == before
    assert view.weights() == weights


def test_markup_in_data_is_text(open_page):
    view = open_page("xor")
    paste(view, MARKUP)
    view.until(lambda: view.state()["data"]["name"] == "csv")
    view.expect(view.find("#class-balance")).to_contain_text("<b>bold</b>")
    view.train(2)
    for name in ("confusion", "worst"):
        view.find(f'[data-view="{name}"]').click()
    view.expect(view.find("#panel-evaluate")).to_contain_text("<b>bold</b>")
    view.find("#tab-explain").click()
    view.find("#explain-button").click()
    view.find("#explain-beats").wait_for()
    view.page.wait_for_timeout(300)
    assert view.page.title() == "nncore builder"
    assert view.find("#workbench img[src=x]").count() == 0 == view.find("#workbench b").count()
    options = view.find("#target option").all_inner_texts()
    assert EVIL in options


def test_the_name_of_a_layer_is_text(open_page):
    view = open_page("xor")
    view.ask("update_layer", index=0, layer={"type": "Dense", "units": 4, "name": EVIL})
    view.expect(view.find("#strip")).to_contain_text("<img src=x")
    view.train(2)
    view.page.wait_for_timeout(200)
    assert view.page.title() == "nncore builder"
    assert view.find("#workbench img[src=x]").count() == 0


def test_generated_data_and_what_is_held_out(open_page):
    view = open_page("xor")
    view.find("#data-name").select_option("moons")
    view.until(lambda: view.state()["data"]["name"] == "moons")
    view.find("#validation-split").fill("0.4")
    view.press("Enter")
    view.until(lambda: view.state()["training"]["validation_split"] == 0.4)
    view.find("#noise-slider").focus()
    before = view.find("#noise").input_value()
    view.press("ArrowRight")
    state = view.until(lambda: "noise" in (found := view.state())["data"]["options"] and found)
    assert state["data"]["options"]["noise"] > float(before)
    view.expect(view.find("#preview")).to_be_visible()


OUTSIDE = """pane => [...pane.querySelectorAll("button, select, input, p, h3, .chip")]
    .filter(one => one.offsetParent !== null && !one.closest(".scroll"))
    .filter(one => one.getBoundingClientRect().right > pane.getBoundingClientRect().right)
    .map(one => one.outerHTML.slice(0, 90))"""
TALLER = "card => card.scrollHeight > card.clientHeight || card.scrollWidth > card.clientWidth"


@pytest.mark.parametrize("name", ["customer_lifetime_value_in_euros_2023_q4_net_target", "n" * 270])
def test_a_long_name_of_a_column_is_cut_off_within_the_panel(open_page, name):
    view = open_page("xor", width=1280)
    rows = "".join(f"{i % 7},{i % 5},{i % 3},{i * 1.25}\n" for i in range(40))
    paste(view, f"{name}_1,{name}_2,{name}_3,{name}\n{rows}")
    view.until(lambda: view.state()["data"]["target"] == name)
    view.find("#preview-plane").wait_for()
    for part in view.find("#data details > summary").all():
        part.click()
    assert view.find("#data").evaluate(OUTSIDE) == []
    for row in view.find("#data .list .check").all():
        assert not row.evaluate(TALLER), "names do not run into each other"
    assert view.find("#target").get_attribute("title") == name
    assert not view.find("#strip-output").evaluate(TALLER)


def test_mean_errors_are_those_of_the_core(open_page):
    view = open_page("regression")
    view.train(2)
    answer = view.ask("evaluate", kind="predicted_vs_true", part="held_out")
    view.find('[data-view="predicted_vs_true"]').click()
    for name in ("mae", "rmse"):
        shown = f'#errors [data-error="{name}"]'
        view.until(lambda shown=shown, name=name: float(view.data(shown, "value")) == answer[name])


def test_a_table_without_a_header_says_that_its_columns_are_numbered(open_page):
    view = open_page("xor")
    note = view.find("#no-header")
    view.expect(note).to_be_hidden()
    paste(view, "".join(f"{i % 7},{i % 3},{i * 1.25}\n" for i in range(40)))
    view.expect(note).to_have_text("The table has no header row: columns are numbered.")
