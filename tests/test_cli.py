"""The command line, as a person and a script use it; pictures are drawn here and read by the shipped networks."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pypdfium2
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw, ImageFont

from billocr_assets import evaluation
from billocr_assets.cli import find_files, main
from billocr_assets.exports import FORMATS
from billocr_assets.exports.json import bill_json
from billocr_assets.fields import Fields, extract_fields
from billocr_assets.ocr.document import Document
from billocr_assets.store import Store, open_store
from billocr_assets.store.accounts import invitations, passwords, users
from billocr_assets.store.bills import list_bills, local_user, register_upload
from billocr_assets.store.errors import WrongCredentials
from billocr_assets.store.reading import begin_reading, publish_result
from tests import files
from tests.fields import bills
from tests.readings import bill_picture
from tests.store.documents import VERSIONS

ROWS = (
    ("Harbour Lane Grocers", ""),
    ("14 Quay Street", ""),
    ("40100 Eastport", ""),
    ("Date 25/12/2018", "10:41"),
    ("Oat Milk", "3.90"),
    ("Rye Bread", "2.40"),
    ("TOTAL", "EUR 6.30"),
    ("CASH", "10.00"),
    ("CHANGE", "3.70"),
)


def draw(total: str = "EUR 6.30") -> Image.Image:
    """A bill of 560 x 760 pixels."""
    picture = Image.new("RGB", (560, 760), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    for number, (left, right) in enumerate(ROWS):
        y = 50 + 70 * number
        right = total if left == "TOTAL" else right
        pen.text((40, y), left, "black", font)
        pen.text((520 - pen.textlength(right, font), y), right, "black", font)
    return picture


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bill") / "shop.png"
    draw().save(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def result_of(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_the_text_of_a_bill_goes_to_standard_output(bill: Path):
    done = run("read", bill)
    assert done.exit_code == 0, done.output
    assert {"Harbour", "25/12/2018", "TOTAL", "6.30"} <= set(done.stdout.split()), done.stdout
    assert done.stderr == ""


def test_json_has_what_a_program_needs(bill: Path, tmp_path: Path):
    done = run("read", bill, "--format", "json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["shop.json"]
    result = result_of(tmp_path / "out", "shop.json")
    assert (result["image"], result["width"], result["height"]) == ("shop.png", 560, 760)
    assert set(result["models"]) == {"line_detector", "line_segmenter", "line_recogniser"}
    assert 0 < sum(result["stages"].values()) <= result["seconds"] + 0.01
    for line in result["lines"]:
        assert line["page"] == 1
        assert " ".join(word["text"] for word in line["words"]) == line["text"]
        assert all(-20 <= x <= 580 and -20 <= y <= 780 for x, y in line["polygon"])
    assert set(result["fields"]) == {"company", "date", "address", "total"}
    assert result["fields"]["date"] == "25/12/2018"
    assert result["values"]["date"]["value"] == "2018-12-25"
    assert result["values"]["total"]["value"] == "6.30"


def test_a_file_that_cannot_be_read_stops_no_other(bill: Path, tmp_path: Path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xffnothing more")
    done = run("read", tmp_path / "bad.jpg", tmp_path / "gone.png", bill, "--format", "json", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["shop.json"]
    complaints = done.stderr.splitlines()
    assert any("bad.jpg: This JPEG file is damaged" in line for line in complaints), complaints
    assert any("gone.png: There is no such file." in line for line in complaints), complaints
    assert complaints[-1] == "1 of 3 files read."


def test_a_folder_is_read_and_what_is_no_picture_is_left_alone(bill: Path, tmp_path: Path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    shutil.copy(bill, tmp_path / "in" / "one.png")
    shutil.copy(bill, tmp_path / "in" / "deep" / "without-a-suffix")
    (tmp_path / "in" / "notes.json").write_text("{}")
    (tmp_path / "in" / ".hidden.png").write_bytes(b"")
    done = run("read", tmp_path / "in", "--format", "json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.json", "without-a-suffix.json"]


def test_two_bills_of_one_name_do_not_overwrite_each_other(bill: Path, tmp_path: Path):
    for folder, total in (("a", "EUR 6.30"), ("b", "EUR 8.90")):
        (tmp_path / folder).mkdir()
        draw(total).save(tmp_path / folder / "shop.png")
    done = run("read", tmp_path / "a", tmp_path / "b", "--format", "json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    totals = [result_of(tmp_path / "out", name)["values"]["total"]["value"] for name in ("shop.json", "shop-2.json")]
    assert totals == ["6.30", "8.90"]


def test_every_page_of_a_file_is_read_and_its_lines_say_which(tmp_path: Path):
    draw().save(tmp_path / "two.pdf", save_all=True, append_images=[draw("EUR 8.90")])
    done = run("read", tmp_path / "two.pdf", "--format", "json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert [page["number"] for page in result["pages"]] == [1, 2]
    for page in (1, 2):
        assert any("TOTAL" in line["text"] for line in result["lines"] if line["page"] == page)


def test_several_processes_find_the_same(bill: Path, tmp_path: Path):
    for name in ("one.png", "two.png"):
        shutil.copy(bill, tmp_path / name)
    for jobs in (1, 2):
        done = run("read", tmp_path / "one.png", tmp_path / "two.png", "--jobs", jobs, "--format", "json",
                   "--out", tmp_path / str(jobs))  # fmt: skip
        assert done.exit_code == 0, done.output
    for name in ("one.json", "two.json"):
        alone, beside = (result_of(tmp_path / jobs, name) for jobs in ("1", "2"))
        assert alone["lines"] == beside["lines"]
        assert alone["values"] == beside["values"]


def test_missing_networks_are_said_in_a_sentence(bill: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLOCR_MODELS_DIR", str(tmp_path))
    done = run("read", bill)
    assert done.exit_code == 1
    assert f"The networks in {tmp_path} cannot be loaded" in done.stderr


def test_reading_nothing_is_an_error(tmp_path: Path):
    done = run("read", tmp_path)
    assert done.exit_code == 1
    assert "no picture or PDF" in done.stderr


def test_every_format_can_be_asked_for():
    for command in ("read", "export"):
        (option,) = (each for each in main.commands[command].params if "--format" in each.opts)
        assert list(option.type.choices) == list(FORMATS)


def test_a_table_of_all_bills_is_one_file(bill: Path, tmp_path: Path):
    shutil.copy(bill, tmp_path / "other.png")
    done = run("read", bill, tmp_path / "other.png", "--format", "csv", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "bills.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["total"], row["date"]) for row in rows] == [
        ("shop.png", "6.30", "2018-12-25"),
        ("other.png", "6.30", "2018-12-25"),
    ]


def test_a_searchable_pdf_goes_to_standard_output(bill: Path):
    done = run("read", bill, "--format", "pdf")
    assert done.exit_code == 0, done.output
    (page,) = pypdfium2.PdfDocument(done.stdout_bytes)
    assert "TOTAL" in page.get_textpage().get_text_range()


def test_a_format_with_a_file_a_page_gives_every_page_a_name(bill: Path, tmp_path: Path):
    draw().save(tmp_path / "two.pdf", save_all=True, append_images=[draw("EUR 8.90")])
    done = run("read", tmp_path / "two.pdf", bill, "--format", "page", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["shop.page.xml", "two-page1.page.xml", "two-page2.page.xml"]


def test_a_file_named_twice_is_read_once(bill: Path):
    files, failures = find_files((bill, bill.parent, bill))
    assert files == [bill]
    assert failures == []


# ---------------------------------------------------------------------------------------------------------- evaluate


@pytest.fixture
def pack(bill: Path, tmp_path: Path) -> Path:
    """A pack with one bill twice: annotated with what is on it, under two conditions."""
    folder = tmp_path / "pack"
    folder.mkdir()
    document = bills.document("\n".join("  ".join(row) for row in ROWS))
    for name, known in (("one", True), ("two", False)):
        shutil.copy(bill, folder / f"{name}.png")
        truth = bill_json(f"{name}.png", document, extract_fields(document))
        truth |= {"width": 560, "height": 760, "known": known}
        (folder / f"{name}.json").write_text(json.dumps(truth))
    return folder


def test_evaluate_reads_the_pack_and_measures_it(pack: Path):
    done = run("evaluate", pack, "--json")
    assert done.exit_code == 0, done.output
    measures = json.loads(done.stdout)
    assert measures["images"] == 2
    assert measures["missing_predictions"] == 0
    assert measures["words_ci"]["f"] > 0.7
    assert measures["seconds"]["n"] == 2


def test_evaluate_measures_results_that_are_there(pack: Path):
    done = run("evaluate", pack, "--predictions", pack, "--where", "known=true", "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(evaluation.evaluate(pack, pack, [("known", "true")])))
    table = run("evaluate", pack, "--predictions", pack)
    assert table.exit_code == 0
    assert "1.0000" in next(line for line in table.stdout.splitlines() if line.startswith("words_ci "))


@pytest.mark.parametrize(("where", "said"), [("known", "KEY=VALUE"), ("known=perhaps", "no annotated bill matches")])
def test_evaluate_says_what_is_wrong_with_a_condition(pack: Path, where: str, said: str):
    done = run("evaluate", pack, "--where", where)
    assert done.exit_code != 0
    assert said in done.stderr


# ------------------------------------------------------------------------------------------------------------ upload


def test_upload_registers_bills_and_names_what_it_does_not_take(
    bill: Path, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BILLOCR_DATABASE_URL", sqlite_url)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = run("upload", bill, tmp_path / "bad.png")
    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    bill_id, path, outcome = line.split("\t")
    assert (path, outcome) == (str(bill), "registered")
    assert f"{tmp_path / 'bad.png'}: This is no picture or PDF" in done.stderr

    again = run("upload", bill)
    assert again.exit_code == 0
    assert again.stdout == f"{bill_id}\t{bill}\talready there\n"
    kept = run("upload", bill, "--keep-duplicates")
    assert kept.stdout.endswith("registered\n")
    assert kept.stdout.split("\t")[0] != bill_id


def test_upload_without_an_installation_says_so_and_makes_none(bill: Path, tmp_path: Path):
    done = run("upload", bill)
    assert done.exit_code == 1
    assert "There is no installation in" in done.stderr
    assert not (tmp_path / "home").exists()


# ------------------------------------------------------------------------------------------------------------ export


def test_export_writes_bills_of_the_installation(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLOCR_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    store = open_store()
    user = local_user(store)
    ids = []
    for number, name in enumerate(("first.png", "second.png")):
        bill_id = register_upload(store, user, name, bill_picture(number)).id
        document = replace(bills.document(bills.ENGLISH), models=VERSIONS)
        attempt = begin_reading(store, [bill_id], "run", "upload")[bill_id]
        assert publish_result(store, attempt, document, extract_fields(document).to_dict())
        ids.append(bill_id)
    table = run("export", "--out", "-")
    assert [row["file"] for row in csv.DictReader(table.stdout.lstrip("\ufeff").splitlines())] == [
        "second.png",
        "first.png",
    ]
    one = run("export", ids[0], "--format", "text")
    assert (one.exit_code, one.stdout) == (0, "first.txt\n")
    assert "GRAND TOTAL" in (tmp_path / "first.txt").read_text()
    both = run("export", *ids, "--format", "alto", "--out", "both.zip")
    assert both.exit_code == 0, both.output
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        assert archive.namelist() == ["first.alto.xml", "second.alto.xml"]
    gone = run("export", "nothing")
    assert gone.exit_code == 1
    assert "There is no such bill" in gone.stderr


# ------------------------------------------------------------------------------------------------------ schema, JSON


def test_the_schema_printed_is_valid_and_fits_documents():
    done = run("schema")
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(bills.document(bills.GERMAN).to_dict())), schema)


def test_a_bill_without_any_text_has_null_fields():
    result = bill_json("blank.png", Document((), {}), Fields())
    assert result["fields"] == {"company": None, "date": None, "address": None, "total": None}
    assert result["items"] == []
    json.dumps(result, allow_nan=False)


def test_amounts_in_json_are_exact():
    document = bills.document(bills.ENGLISH)
    values = json.loads(json.dumps(bill_json("a.png", document, extract_fields(document))))["values"]
    assert Decimal(values["total"]["value"]) == Decimal("6.70")
    assert values["change"]["value"] == "3.30"


# --------------------------------------------------------------------------------------------------------------- users


def run_users(*arguments: str, password: str = "", again: str | None = None) -> Result:
    typed = f"{password}\n{password if again is None else again}\n" if password else None
    return CliRunner().invoke(main, ["users", *arguments], input=typed)


def test_the_first_admin_is_made_with_a_password_that_is_asked_for_and_shown_nowhere(installation: Store):
    made = run_users("create", "Ada@Example.org", "--admin", password="four quiet words here")
    assert made.exit_code == 0, made.output
    assert "four quiet" not in made.output
    assert run_users("list").stdout.splitlines() == [
        "ada@example.org\tadmin\tactive\taccount\tada",
        "-\tadmin\tactive\tlocal\tlocal",
    ]
    assert passwords.log_in(installation, "ada@example.org", "four quiet words here", None, None)


def test_without_a_password_or_with_a_weak_one_no_account_is_made(installation: Store):
    for password, again in (("", None), ("short", None), ("four quiet words here", "four quiet words")):
        assert run_users("create", "ada@example.org", password=password, again=again).exit_code == 1
    assert not users.has_accounts(installation)


def test_roles_passwords_and_who_may_enter_are_changed_by_address(installation: Store):
    run_users("create", "ada@example.org", "--role", "operator", password="four quiet words here")
    assert run_users("set-role", "ada@example.org", "user").exit_code == 0
    assert run_users("reset-password", "ada@example.org", password="another four words").exit_code == 0
    assert run_users("list").stdout.splitlines()[0].startswith("ada@example.org\tuser\tactive")
    assert passwords.log_in(installation, "ada@example.org", "another four words", None, None)
    assert run_users("disable", "ada@example.org").exit_code == 0
    with pytest.raises(WrongCredentials):
        passwords.log_in(installation, "ada@example.org", "another four words", None, None)
    assert run_users("enable", "ada@example.org").exit_code == 0
    assert passwords.log_in(installation, "ada@example.org", "another four words", None, None)
    unknown = run_users("disable", "eve@example.org")
    assert (unknown.exit_code, "no such user" in unknown.output) == (1, True)


def test_an_invitation_is_a_link_that_says_what_is_missing(installation: Store):
    invited = run_users("invite", "ada@example.org")
    assert invited.stdout.startswith("http://127.0.0.1:8501/?invitation=")
    assert "BILLOCR_SIGN_UP=invitation" in invited.stderr
    token = invited.stdout.strip().rpartition("=")[2]
    assert invitations.invited_email(installation, token) == (True, "ada@example.org")


def test_bills_are_uploaded_for_the_user_who_is_named(installation: Store, bill: Path):
    run_users("create", "ada@example.org", password="four quiet words here")
    assert run("upload", bill, "--user", "ada@example.org").exit_code == 0
    ada = users.user_by_email(installation, local_user(installation), "ada@example.org")
    assert [list_bills(installation, user).total for user in (ada, local_user(installation))] == [1, 0]
    assert run("upload", bill, "--user", "eve@example.org").exit_code == 1


def test_bills_from_before_accounts_become_an_accounts(installation: Store, bill: Path):
    assert run("upload", bill).exit_code == 0
    run_users("create", "ada@example.org", password="four quiet words here")
    assert run_users("adopt", "ada@example.org").stdout == "ada@example.org\tbills: 1\n"
    ada = users.user_by_email(installation, local_user(installation), "ada@example.org")
    assert [list_bills(installation, user).total for user in (ada, local_user(installation))] == [1, 0]
    assert run_users("adopt", "eve@example.org").exit_code == 1


def test_a_removed_account_hands_its_bills_to_another_only_when_confirmed(installation: Store, tmp_path: Path):
    for email in ("ada@example.org", "grace@example.org"):
        run_users("create", email, password="four quiet words here")
    picture = tmp_path / "a.png"
    picture.write_bytes(files.encode(files.page(), "PNG"))
    assert CliRunner().invoke(main, ["upload", "--user", "ada@example.org", str(picture)]).exit_code == 0

    remove = ["users", "remove", "ada@example.org", "--heir", "grace@example.org"]
    assert CliRunner().invoke(main, remove, input="n\n").exit_code == 1
    assert "ada@example.org" in run_users("list").stdout
    assert CliRunner().invoke(main, remove, input="y\n").exit_code == 0
    assert "ada@example.org" not in run_users("list").stdout
    again = CliRunner().invoke(main, ["upload", "--user", "grace@example.org", str(picture)])
    assert "already there" in again.stdout
