"""``billocr``: read bills without a server, measure the reading, hand bills to a running installation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from billocr_assets.fields import Fields
    from billocr_assets.ocr.document import Document

# The networks, Pillow and SQLAlchemy are imported inside the commands: --help answers at once.

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".pdf"}


class Reading(NamedTuple):
    """What became of a file: its JSON and text, or the sentence that says why there is none."""

    path: Path
    result: dict[str, Any] | None = None
    text: str = ""
    failure: str = ""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="billocr")
def main() -> None:
    """Read bills and receipts: text, word boxes and fields."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for one file a bill.")
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that read at once.")
def read(paths: tuple[Path, ...], out: Path | None, kind: str, jobs: int) -> None:
    """Read files and folders of bills (JPEG, PNG, WebP, TIFF, HEIC, PDF); no server is needed.

    Without --out the result goes to standard output: the text, or one line of JSON a bill. A file that cannot be read
    is named with the reason, the others are read all the same, and the exit status is 1.
    """
    files, failures = find_files(paths)
    for reading in failures:
        _complain(reading)
    if not files:
        raise click.ClickException("There is no picture or PDF to read.")
    targets = target_names(files, ".json" if kind == "json" else ".txt")
    if out:
        out.mkdir(parents=True, exist_ok=True)
    failed = len(failures)
    for reading in read_files(files, jobs, progress=True):
        if reading.result is None:
            failed += 1
            _complain(reading)
            continue
        content = reading.text if kind == "text" else json.dumps(reading.result, ensure_ascii=False)
        if out:
            (out / targets[reading.path]).write_text(content + "\n", encoding="utf-8")
        else:
            heading = f"== {reading.path} ==\n" if kind == "text" and len(files) > 1 else ""
            click.echo(heading + content)
    if failed or len(files) > 1:
        total = len(files) + len(failures)
        click.echo(f"{total - failed} of {total} files read.", err=True)
    sys.exit(1 if failed else 0)


@main.command()
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only bills whose annotation has this value.")
@click.option(
    "--predictions",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure these results (from read --format json) instead of reading the pictures now.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that read at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(pack: Path, where: tuple[str, ...], predictions: Path | None, jobs: int, as_json: bool) -> None:
    """Measure the reading against PACK, a folder with an annotated NAME.json beside each picture."""
    from billocr_assets import evaluation

    conditions = []
    for condition in where:
        key, equals, value = condition.partition("=")
        if not equals:
            raise click.BadParameter(f"{condition!r} is not KEY=VALUE", param_hint="--where")
        conditions.append((key, value))
    try:
        if predictions:
            measures = evaluation.evaluate(pack, predictions, conditions)
        else:
            truths = evaluation.matching(evaluation.read_folder(pack), conditions)
            files = {pack / str(truth["image"]): name for name, truth in truths.items()}
            found: dict[str, Any] = {}
            for reading in read_files(list(files), jobs, progress=True):
                if reading.result is None:
                    _complain(reading)
                else:
                    found[files[reading.path]] = reading.result
            measures = evaluation.measure(truths, found)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise click.ClickException(f"{pack} cannot be measured: {error}") from error
    click.echo(json.dumps(measures, indent=1) if as_json else evaluation.table(measures))


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--keep-duplicates", is_flag=True, help="Take files that are there already once more.")
def upload(paths: tuple[Path, ...], keep_duplicates: bool) -> None:
    """Hand files and folders to the running installation, which reads them; prints each new bill's id.

    The installation is the one that the settings name (BILLOCR_HOME, BILLOCR_DATABASE_URL, BILLOCR_OBJECTS).
    """
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from billocr_assets.settings import get_settings
    from billocr_assets.store import bills, open_store
    from billocr_assets.store.errors import BillError, DuplicateUpload

    settings = get_settings()
    missing = f"There is no installation in {settings.home}. Start one with “make run”, or set BILLOCR_HOME."
    prefix = "sqlite:///"
    if settings.database_url.startswith(prefix) and not Path(settings.database_url.removeprefix(prefix)).exists():
        raise click.ClickException(missing)
    files, failures = find_files(paths)
    for reading in failures:
        _complain(reading)
    try:
        store = open_store(settings)
        user = bills.local_user(store)
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(f"{missing} ({error.orig})") from error
    failed = len(failures)
    for path in files:
        try:
            bill = bills.register_upload(store, user, path.name, path.read_bytes(), keep_duplicate=keep_duplicates)
        except DuplicateUpload as error:
            click.echo(f"{error.existing_id}\t{path}\talready there")
        except (BillError, OSError) as error:
            failed += 1
            _complain(Reading(path, failure=str(error)))
        else:
            click.echo(f"{bill.id}\t{path}\tregistered")
    sys.exit(1 if failed else 0)


@main.command()
def schema() -> None:
    """Print the JSON Schema of a read document."""
    click.echo((Path(__file__).parent / "ocr" / "document.schema.json").read_text(encoding="utf-8"), nl=False)


# ------------------------------------------------------------------------------------------------------------- files


def find_files(paths: tuple[Path, ...]) -> tuple[list[Path], list[Reading]]:
    """The files to read, each once, and the paths that cannot be read.

    A file that is named is taken as it is. Of a folder, subfolders included, everything is taken that begins like a
    picture or PDF or is called like one, hidden files apart.
    """
    from billocr_assets.ocr.pages import identify

    files: dict[Path, Path] = {}
    failures = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file())
            inside = [each for each in inside if not any(part[0] == "." for part in each.relative_to(path).parts)]
            found = [each for each in inside if each.suffix.lower() in _PICTURES or identify(_head(each))]
            if not found:
                failures.append(Reading(path, failure="There is no picture or PDF in this folder."))
        elif path.exists():
            found = [path]
        else:
            found = []
            failures.append(Reading(path, failure="There is no such file."))
        for each in found:
            files.setdefault(each.resolve(), each)
    return list(files.values()), failures


def target_names(files: list[Path], suffix: str) -> dict[Path, str]:
    """A name a file that no other has, also where case does not count: ``a.json``, ``a-2.json``, ..."""
    taken: set[str] = set()
    names = {}
    for path in files:
        number, stem = 1, path.stem
        while stem.lower() in taken:
            number += 1
            stem = f"{path.stem}-{number}"
        taken.add(stem.lower())
        names[path] = stem + suffix
    return names


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError:
        return b""


def _complain(reading: Reading) -> None:
    click.echo(f"{reading.path}: {reading.failure}", err=True)


# ----------------------------------------------------------------------------------------------------------- reading


def read_files(files: list[Path], jobs: int = 1, progress: bool = False) -> Iterator[Reading]:
    """Read files with the shipped networks, or those of ``BILLOCR_MODELS_DIR``; one that fails fails alone.

    In one process the order is kept; from several processes the first to be ready comes first.
    """
    hidden = not progress or len(files) < 2 or not sys.stderr.isatty()
    with click.progressbar(length=len(files), label="Reading", file=sys.stderr, hidden=hidden) as bar:
        for reading in _all(files, min(jobs, len(files))):
            bar.update(1)
            yield reading


def _all(files: list[Path], jobs: int) -> Iterator[Reading]:
    if jobs <= 1:
        yield from map(read_file, files)
        return
    # spawn: a forked onnxruntime would wait for threads that were not copied.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(read_file, path): path for path in files}
        for future in as_completed(list(waiting)):
            path = waiting.pop(future)  # a result that was handed on is not kept
            try:
                yield future.result()
            except click.ClickException:
                raise
            except Exception as error:  # the process died, of memory most likely
                yield Reading(path, failure=f"Reading it failed: {error or type(error).__name__}")


def read_file(path: Path) -> Reading:
    """Read one file; never raises for what is in it.

    Raises:
        click.ClickException: there are no networks to read with.
    """
    from billocr_assets.fields import extract_fields
    from billocr_assets.ocr.errors import BillError
    from billocr_assets.ocr.models import load_models
    from billocr_assets.ocr.pipeline import read_bill
    from billocr_assets.settings import get_settings

    settings = get_settings()
    try:
        models = load_models(settings.models_dir)
    except Exception as error:  # whatever onnxruntime raises for a file that is missing or no network
        raise click.ClickException(f"The networks in {settings.models} cannot be loaded: {error}") from error
    try:
        start = time.perf_counter()
        document = read_bill(path.read_bytes(), models)
        fields_start = time.perf_counter()
        fields = extract_fields(document)
        end = time.perf_counter()
    except BillError as error:
        return Reading(path, failure=str(error))
    except OSError as error:
        return Reading(path, failure=f"It cannot be opened: {error.strerror}.")
    except Exception as error:  # a fault of ours must not stop the other bills
        return Reading(path, failure=f"Reading it failed: {type(error).__name__}: {error}")
    result = bill_json(path.name, document, fields)
    result["seconds"] = round(end - start, 4)
    result["stages"] = {**result["stages"], "fields": round(end - fields_start, 4)}
    return Reading(path, result, document.text)


def bill_json(name: str, document: Document, fields: Fields) -> dict[str, Any]:
    """A read bill as the command line gives it: what is printed under ``fields``, what it means under ``values``.

    ``width`` and ``height`` are those of the first page in pixels; each line says its page.
    """
    plain = document.to_dict()
    values = fields.to_dict()
    pages = plain["pages"]
    return {
        "version": plain["version"],
        "image": name,
        "width": pages[0]["width"] if pages else 0,
        "height": pages[0]["height"] if pages else 0,
        "pages": [{key: value for key, value in page.items() if key != "lines"} for page in pages],
        "lines": [
            {
                "page": page["number"],
                "row": line["row"],
                "polygon": line["polygon"],
                "text": line["text"],
                "confidence": line["confidence"],
                "words": [word for segment in line["segments"] for word in segment["words"]],
            }
            for page in pages
            for line in page["lines"]
        ],
        "fields": fields.printed(),
        "items": values.pop("items"),
        "values": values,
        "models": plain["models"],
        "stages": {stage: round(seconds, 4) for stage, seconds in plain["seconds"].items()},
    }


if __name__ == "__main__":
    main()
