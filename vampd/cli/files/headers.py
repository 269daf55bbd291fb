"""vampctl headers: the cards of FITS files in the dictionary's form, and those of nights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.files.header_table import table
from vampd.cli.shared.output import write_json, write_lines
from vampd.cli.shared.session import ConfigOption, JsonOption, examples, settings_of
from vampd.cli.shared.words import count_of, path_of
from vampd.errors import EXIT_NIGHT, DataError, UsageError, VampdError

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.fits.headers import Header
    from vampd.model.headers import Dictionary, Problem

app = typer.Typer(
    name="headers",
    help="Check, bring into form or list the cards of FITS files.\n\n"
    "Files may be plain or packed; the instrument's dictionary defines the form.",
    epilog=examples(
        "vampctl headers check *.fits",
        "vampctl headers fix *.fits",
        "vampctl headers table 20251106 -o 20251106.ecsv",
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command(
    epilog=examples(
        "vampctl headers table 20251106 > 20251106.csv",
        "vampctl headers table 20251106 20251107 -o nights.sqlite",
    )
)(table)

FilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="FITS files, plain or packed.", show_default=False),
]


@dataclass(frozen=True)
class Change:
    """A card as it is and as the dictionary requires it; ``hdu`` counts from 0."""

    hdu: int
    old: str
    new: str

    @property
    def keyword(self) -> str:
        """The card's keyword."""
        return self.old[:8].rstrip()


@dataclass(frozen=True)
class FileReport:
    """What one file needs; with an error, nothing else is known and nothing was changed."""

    path: Path
    changes: tuple[Change, ...] = ()
    problems: tuple[tuple[int, Problem], ...] = ()
    missing: tuple[str, ...] = ()
    error: VampdError | None = None


@app.command(
    epilog=examples(
        "vampctl headers check *.fits",
        "vampctl headers check *.fits.fz --json | jq -r '.files[].problems'",
    )
)
def check(
    context: typer.Context,
    files: FilesArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show which cards are out of form, without changing anything.

    Shows each card as it is (-) and as it would be (+), and what stays as it is with the reason
    (!): a value that its form would harm, a missing required card. Exit status: 0 nothing to
    change, 1 something would change or a file cannot be read. What stays as it is does not count.
    """
    from vampd.fits.headers import read_headers

    settings = settings_of(context, config)
    reports = _examine(files, settings, lambda path, _: read_headers(path))
    _show(reports, "would change", as_json=as_json)
    if any(report.changes or report.error for report in reports):
        raise typer.Exit(EXIT_NIGHT)


@app.command(
    epilog=examples("vampctl headers fix *.fits", "vampctl headers fix VMPA00425000.fits.fz")
)
def fix(
    context: typer.Context,
    files: FilesArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Rewrite the cards that are out of form.

    A second run changes nothing. A complete new file replaces the old one, with data identical to
    the byte and with checksums that agree if they did before. Links are followed. A product that is
    already on the archive host then differs from its copy there. Raw files, in vcam1 or vcam2 of a
    night, are refused (exit status 2), and then no file is changed. Exit status: 0 all is in form
    as far as possible, 1 a file could not be read or written.
    """
    from vampd.fits.headers import replace_cards

    settings = settings_of(context, config)
    _refuse_raw(files, settings)
    reports = _examine(
        files,
        settings,
        lambda path, dictionary: replace_cards(path, lambda cards: _edits(cards, dictionary)),
    )
    _show(reports, "changed", as_json=as_json)
    if any(report.error for report in reports):
        raise typer.Exit(EXIT_NIGHT)


def _refuse_raw(files: Iterable[Path], settings: Settings) -> None:
    from vampd.disk.rights import find_camera_stream

    for path in files:
        stream = find_camera_stream(path, settings.watch.root)
        if stream is not None:
            raise UsageError(
                "raw_is_sacred",
                f"{path_of(path)} is a raw file of the camera stream {path_of(stream)} and is never"
                " changed; nothing was written. Copy it out of the night and fix the copy",
            )


def _edits(cards: Any, dictionary: Dictionary) -> Mapping[str, str]:
    from vampd.model.headers import format_cards

    return {old.text: new.text for old, new in format_cards(cards, dictionary).edits}


def _examine(
    files: Iterable[Path],
    settings: Settings,
    read: Callable[[Path, Dictionary], Sequence[Header]],
) -> list[FileReport]:
    from vampd.wiring.world import load_keywords

    dictionary = load_keywords(settings)
    reports = []
    for path in files:
        try:
            headers = read(path, dictionary)
        except VampdError as error:
            reports.append(FileReport(path, error=error))
        except OSError as error:
            text = f"cannot write {path_of(path)}: {error.strerror}"
            reports.append(FileReport(path, error=DataError("cannot_write", text)))
        else:
            reports.append(report_on(path, headers, dictionary, settings.headers.required))
    return reports


def report_on(
    path: Path, headers: Sequence[Header], dictionary: Dictionary, required: Sequence[str]
) -> FileReport:
    """What the dictionary requires of a file's headers, and which required cards none has."""
    from vampd.model.headers import find_missing, format_cards

    formatted = [(header.hdu, format_cards(header.cards, dictionary)) for header in headers]
    return FileReport(
        path,
        tuple(Change(hdu, old.text, new.text) for hdu, one in formatted for old, new in one.edits),
        tuple((hdu, problem) for hdu, one in formatted for problem in one.problems),
        find_missing([header.cards for header in headers], required),
    )


def _show(reports: Sequence[FileReport], verb: str, *, as_json: bool) -> None:
    if as_json:
        write_json(reports_object(reports))
    else:
        write_lines(report_lines(reports, verb))


def reports_object(reports: Sequence[FileReport]) -> dict[str, Any]:
    """The reports for programs; after ``fix``, the changes are those that were made."""
    return {
        "files": [
            {
                "path": str(report.path),
                "error": report.error
                and {"code": report.error.code, "message": report.error.message},
                "changes": [
                    {"hdu": one.hdu, "keyword": one.keyword, "old": one.old, "new": one.new}
                    for one in report.changes
                ],
                "problems": [
                    {
                        "hdu": hdu,
                        "code": problem.code,
                        "keyword": problem.keyword,
                        "value": problem.value,
                        "form": str(problem.form),
                        "message": problem.message,
                    }
                    for hdu, problem in report.problems
                ],
                "missing": list(report.missing),
            }
            for report in reports
        ]
    }


def report_lines(reports: Sequence[FileReport], verb: str) -> Iterator[str]:
    """The reports for people; ``verb`` says what happens or happened to the cards."""
    for report in reports:
        yield f"{path_of(report.path)}: {_verdict(report, verb)}"
        for one in report.changes:
            yield f"  - {one.old.rstrip()}"
            yield f"  + {one.new.rstrip()}"
        for _, problem in report.problems:
            yield f"  ! {problem.code}  {problem.message}; it stays as it is"
        if report.missing:
            yield f"  ! card_missing  required, and missing or empty: {', '.join(report.missing)}"
    if len(reports) > 1:
        touched = sum(1 for report in reports if report.changes)
        yield f"total: {count_of(len(reports), 'file')}, {touched:,} {verb}"


def _verdict(report: FileReport, verb: str) -> str:
    if report.error is not None:
        return f"{report.error.code}: {report.error.message}"
    changes = f"{count_of(len(report.changes), 'card')} {verb}" if report.changes else "in form"
    left = len(report.problems) + len(report.missing)
    return f"{changes}, {count_of(left, 'problem')}" if left else changes
