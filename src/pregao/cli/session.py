"""One command's work on the queue and the database: connections open for it and close after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from pregao.domain.clock import MARKET_ZONE
from pregao.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod

    from pregao.api.actions import JobActions
    from pregao.runtime import Runtime

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
WIDTH_OF_A_PIPE = 200


def work(do: Callable[[JobActions, Runtime], Awaitable[T]]) -> T:
    """Run `do(actions, runtime)` on the servers of the settings. Raises what it raises, and InvalidSettings."""
    quiet("ERROR")
    return apart(_work(do))


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. What scrapers print while they are imported goes to stderr: stdout is for the answer."""
    with contextlib.redirect_stdout(sys.stderr):
        return asyncio.run(work)


def quiet(level: str) -> None:
    """Log nothing below `level`; the rest as bare lines on stderr."""
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, level=level, format="{message}", backtrace=False, diagnose=False)


async def _work(do: Callable[[JobActions, Runtime], Awaitable[T]]) -> T:
    from pregao.api.actions import JobActions
    from pregao.runtime import open_runtime
    from pregao.settings import Settings

    async with open_runtime(Settings.load()) as runtime:
        return await do(JobActions(runtime), runtime)


def print_json(document: object) -> None:
    """The document as indented JSON on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(
    headings: list[str], rows: Sequence[Sequence[object]], *, whole: int = 0, folded: int | None = None
) -> None:
    """A table on stdout; the column `whole` is never cut, and `folded` goes on in the next line."""
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for number, heading in enumerate(headings):
        overflow: OverflowMethod = "fold" if number in (whole, folded) else "ellipsis"
        table.add_column(heading, no_wrap=number == whole, overflow=overflow)
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row))
    console().print(table)


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; a pipe is given room."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH_OF_A_PIPE, highlight=False)


def shown(value: object) -> str:
    """A value for people: nothing as a dash, data as JSON, and nothing that a terminal would obey."""
    if value is None:
        return "-"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), keep="\n")


def local(moment: str | None) -> str:
    """A time of a document as São Paulo's clock shows it."""
    return "-" if moment is None else f"{datetime.fromisoformat(moment).astimezone(MARKET_ZONE):%Y-%m-%d %H:%M:%S}"


def checked(model: type[Any], **values: object) -> Any:
    """`values` as one of the API's request models. Raises InvalidInput for the first that is wrong."""
    from pydantic import ValidationError

    from pregao.api.explain import explain
    from pregao.domain.errors import InvalidInput

    try:
        return model(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = dict(error.errors()[0])
        first["loc"] = ("option", *error.errors()[0]["loc"])
        told = explain(first, list(model.model_fields))
        raise InvalidInput(told.field, told.value, told.problem, told.fix) from None
