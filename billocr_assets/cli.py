"""``billocr``: read bills without a server, measure the reading, hand bills to a running installation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from billocr_assets.exports import ReadBill
    from billocr_assets.ocr.document import Document
    from billocr_assets.store import Store
    from billocr_assets.store.schema import Role, User

# The networks, Pillow and SQLAlchemy are imported inside the commands: --help answers at once.

# As in billocr_assets.exports, whose writers are imported when they are needed.
_FORMATS = ["text", "json", "csv", "items", "xlsx", "alto", "page", "hocr", "pdf"]
_ROLE = click.Choice(["user", "operator", "admin"])
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".pdf"}


class Reading(NamedTuple):
    """What became of a file: the bill, or the sentence that says why there is none."""

    path: Path
    bill: ReadBill | None = None
    failure: str = ""


def _whose(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--user", "email", metavar="EMAIL", help="Whose bills; without, the local user's.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="billocr")
def main() -> None:
    """Read bills and receipts: text, word boxes and fields."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for one file a bill.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that read at once.")
def read(paths: tuple[Path, ...], out: Path | None, kind: str, jobs: int) -> None:
    """Read files and folders of bills (JPEG, PNG, WebP, TIFF, HEIC, PDF); no server is needed.

    Without --out the result goes to standard output. csv, items and xlsx are one table of all bills, everything else
    is a file a bill. A file that cannot be read is named with the reason, the others are read all the same, and the
    exit status is 1.
    """
    from billocr_assets.exports import FORMATS
    from billocr_assets.exports.names import Names, stem_of

    files, failures = find_files(paths)
    for reading in failures:
        _complain(reading)
    if not files:
        raise click.ClickException("There is no picture or PDF to read.")
    failed = len(failures)

    def bills() -> Iterator[ReadBill]:
        nonlocal failed
        for reading in read_files(files, jobs, progress=True):
            if reading.bill:
                yield reading.bill
            else:
                failed += 1
                _complain(reading)

    format = FORMATS[kind]
    if out:
        out.mkdir(parents=True, exist_ok=True)
    if format.table:
        with click.open_file(str(out / f"bills{format.suffix}") if out else "-", "wb") as file:
            file.writelines(format.table(bills()))
    elif write := format.write:
        names = Names()
        # In the files' order, whichever is read first.
        targets = {str(path): names.of(stem_of(path.name), format.suffix) for path in files}
        for bill in bills():
            content = write(bill)
            if not out:
                if kind == "text" and len(files) > 1:
                    click.echo(f"== {bill.id} ==")
                sys.stdout.buffer.writelines(content)
            elif len(content) == 1:
                (out / targets[bill.id]).write_bytes(content[0])
            else:
                stem = targets[bill.id].removesuffix(format.suffix)
                for name, data in zip(names.of_pages(stem, format.suffix, len(content)), content, strict=True):
                    (out / name).write_bytes(data)
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
    from billocr_assets.exports.json import bill_json

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
                if bill := reading.bill:
                    found[files[reading.path]] = bill_json(bill.name, bill.document, bill.fields)
                else:
                    _complain(reading)
            measures = evaluation.measure(truths, found)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise click.ClickException(f"{pack} cannot be measured: {error}") from error
    click.echo(json.dumps(measures, indent=1) if as_json else evaluation.table(measures))


@main.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="csv", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, allow_dash=True), help="File to write; - is standard output.")
@_whose
def export(ids: tuple[str, ...], kind: str, out: str | None, email: str | None) -> None:
    """Write bills of the running installation into one file, as they have been corrected; all bills without IDs.

    csv, items and xlsx are one table; of the others, several bills become a ZIP. Without --out the file is named after
    the bill or the format, and lies in this folder.
    """
    from billocr_assets.store.errors import BillError
    from billocr_assets.store.exports import export_bills, matching_ids

    store, user = _installation(email)
    try:
        name, _, content = export_bills(store, user, ids or matching_ids(store, user), kind)
    except BillError as error:
        raise click.ClickException(str(error)) from error
    with click.open_file(out or name, "wb") as file:
        file.writelines(content)
    if not out:
        click.echo(name)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--keep-duplicates", is_flag=True, help="Take files that are there already once more.")
@_whose
def upload(paths: tuple[Path, ...], keep_duplicates: bool, email: str | None) -> None:
    """Hand files and folders to the running installation, which reads them; prints each new bill's id.

    The installation is the one that the settings name (BILLOCR_HOME, BILLOCR_DATABASE_URL, BILLOCR_OBJECTS).
    """
    from billocr_assets.store import bills
    from billocr_assets.store.errors import BillError, DuplicateUpload

    store, user = _installation(email)
    files, failures = find_files(paths)
    for reading in failures:
        _complain(reading)
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


@main.group()
def users() -> None:
    """Who may log in to the running installation (with BILLOCR_ACCOUNTS=true)."""


@users.command("create")
@click.argument("email")
@click.option("--name", default="", help="As others see it; by default the first part of the address.")
@click.option("--role", type=_ROLE, default="user", show_default=True)
@click.option("--admin", "role", flag_value="admin", help="The same as --role admin.")
def create_user(email: str, name: str, role: Role) -> None:
    """Make an account; the password is asked for."""
    from billocr_assets.store.accounts import users

    with _as_local_user() as (store, local):
        user = users.create_user(store, local, email, name, _ask_password(), role)
        click.echo(f"{user.email}\t{user.role}\tmade")


@users.command("list")
def list_users() -> None:
    """Print address, role, status, kind and name of everybody."""
    from billocr_assets.store.accounts import users

    with _as_local_user() as (store, local):
        for user in users.list_users(store, local):
            click.echo("\t".join((user.email or "-", user.role, user.status, user.kind, user.name)))


@users.command("set-role")
@click.argument("email")
@click.argument("role", type=_ROLE)
def set_role(email: str, role: Role) -> None:
    """Make somebody user, operator or admin."""
    from billocr_assets.store.accounts import users

    with _as_local_user() as (store, local):
        users.set_role(store, local, users.user_by_email(store, local, email).id, role)


@users.command()
@click.argument("email")
def disable(email: str) -> None:
    """Keep somebody out from now on; their bills stay."""
    from billocr_assets.store.accounts import users

    with _as_local_user() as (store, local):
        users.set_status(store, local, users.user_by_email(store, local, email).id, "disabled")


@users.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let somebody in again."""
    from billocr_assets.store.accounts import users

    with _as_local_user() as (store, local):
        users.set_status(store, local, users.user_by_email(store, local, email).id, "active")


@users.command()
@click.argument("email")
@click.option("--heir", help="Address of the account that gets the bills; without, they go too.")
@click.confirmation_option(prompt="This cannot be taken back. Remove the account?")
def remove(email: str, heir: str | None) -> None:
    """Delete an account for good, with its bills or handing them to another."""
    from billocr_assets.store.accounts import removal, users

    with _as_local_user() as (store, local):
        heir_id = users.user_by_email(store, local, heir).id if heir else None
        removal.remove_user(store, local, users.user_by_email(store, local, email).id, heir_id)


@users.command()
@click.argument("email")
def adopt(email: str) -> None:
    """Give an account the bills from before there were accounts, when this machine had one user."""
    from billocr_assets.store.accounts import heirs, users

    with _as_local_user() as (store, local):
        count = heirs.adopt_bills(store, local, users.user_by_email(store, local, email).id)
        click.echo(f"{email}\tbills: {count}")


@users.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Give somebody a new password, which is asked for; all their logins end."""
    from billocr_assets.store.accounts import passwords, users

    with _as_local_user() as (store, local):
        user = users.user_by_email(store, local, email)
        passwords.reset_password(store, local, user.id, _ask_password())


@users.command()
@click.argument("email", required=False)
@click.option("--role", type=_ROLE, default="user", show_default=True)
def invite(email: str | None, role: Role) -> None:
    """Print a link by which one person may sign up within a week: whoever has EMAIL, or whoever has the link."""
    from billocr_assets.store.accounts import invitations

    with _as_local_user() as (store, local):
        invitation = invitations.invite(store, local, email, role)
        settings = store.settings
        click.echo(f"{settings.public_url or f'http://{settings.host}:{settings.ui_port}'}/?invitation={invitation}")
        if settings.sign_up == "closed":
            click.echo("It opens nothing yet: set BILLOCR_SIGN_UP=invitation and start again.", err=True)


@contextmanager
def _as_local_user() -> Iterator[tuple[Store, User]]:
    """The installation and its local user, who may do everything here."""
    from billocr_assets.store.errors import BillError

    store, local = _installation()
    try:
        yield store, local
    except BillError as error:
        raise click.ClickException(str(error)) from error


def _ask_password() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _installation(email: str | None = None) -> tuple[Store, User]:
    """The installation that the settings name, and the user with this address; without one, the local user.

    Raises:
        click.ClickException: there is none.
    """
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from billocr_assets.settings import get_settings
    from billocr_assets.store import bills, open_store
    from billocr_assets.store.accounts.users import user_by_email
    from billocr_assets.store.errors import AccountNotFound

    settings = get_settings()
    missing = f"There is no installation in {settings.home}. Start one with “make run”, or set BILLOCR_HOME."
    prefix = "sqlite:///"
    if settings.database_url.startswith(prefix) and not Path(settings.database_url.removeprefix(prefix)).exists():
        raise click.ClickException(missing)
    try:
        store = open_store(settings)
        local = bills.local_user(store)
        return store, user_by_email(store, local, email) if email else local
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(f"{missing} ({error.orig})") from error
    except AccountNotFound as error:
        raise click.ClickException(str(error)) from error


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
        yield from read_together(files)
        return
    from billocr_assets.ocr.pipeline import POOL

    # Two groups a process at least: the last to end should not have much left when the others are done.
    size = min(POOL, -(-len(files) // (2 * jobs)))
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    # spawn: a forked onnxruntime would wait for threads that were not copied.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_read_group, group): group for group in groups}
        for future in as_completed(list(waiting)):
            group = waiting.pop(future)  # a result that was handed on is not kept
            try:
                yield from future.result()
            except click.ClickException:
                raise
            except Exception as error:  # the process died, of memory most likely
                why = f"Reading it failed: {error or type(error).__name__}"
                yield from (Reading(path, failure=why) for path in group)


def _read_group(files: list[Path]) -> list[Reading]:
    return list(read_together(files))


def read_together(files: list[Path]) -> Iterator[Reading]:
    """Read files, recognising the lines of several together; never raises for what is in them.

    Raises:
        click.ClickException: there are no networks to read with.
    """
    from billocr_assets.ocr.models import load_models
    from billocr_assets.ocr.pipeline import read_bills
    from billocr_assets.settings import get_settings

    settings = get_settings()
    try:
        models = load_models(settings.models_dir, runtime=settings.runtime)
    except Exception as error:  # whatever onnxruntime raises for a file that is missing or no network
        raise click.ClickException(f"The networks in {settings.models} cannot be loaded: {error}") from error
    for path, document in zip(files, read_bills((path.read_bytes for path in files), models), strict=True):
        yield _reading(path, document)


def _reading(path: Path, document: Document | Exception) -> Reading:
    from billocr_assets.exports import ReadBill
    from billocr_assets.fields import extract_fields
    from billocr_assets.ocr.errors import BillError

    try:
        if isinstance(document, Exception):
            raise document
        start = time.perf_counter()
        fields = extract_fields(document)
        document.seconds["fields"] = time.perf_counter() - start
    except BillError as error:
        return Reading(path, failure=str(error))
    except OSError as error:
        return Reading(path, failure=f"It cannot be opened: {error.strerror}.")
    except Exception as error:  # a fault of ours must not stop the other bills
        return Reading(path, failure=f"Reading it failed: {type(error).__name__}: {error}")
    return Reading(path, ReadBill(str(path), path.name, document, fields, datetime.now(UTC), path.read_bytes))


if __name__ == "__main__":
    main()
