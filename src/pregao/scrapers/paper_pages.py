"""Sites with one page for each paper, in a folder for each kind of paper."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from lxml.html import HtmlElement

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.html_pages import address_of
from pregao.scrapers.http import Reply, Site
from pregao.scrapers.papers import PaperKind

_GONE = frozenset({404, 410})


def kind_told(page: HtmlElement, folders: Mapping[PaperKind, str]) -> PaperKind | None:
    """The kind in whose folder a page says that it is; None when it does not say.

    A server may answer for one folder with what is in another, without a redirect.
    """
    steps = {step.lower() for step in urlsplit(address_of(page) or "").path.split("/")[:-1]}
    return next((kind for kind, folder in folders.items() if folder in steps), None)


class PaperPages:
    """The pages of one site. `path` holds `{folder}` and `{ticker}`, which are written in lower case."""

    def __init__(self, site: Site, origin: str, path: str, folders: Mapping[PaperKind, str], source: str) -> None:
        self._site = site
        self._origin = origin
        self._path = path
        self._folders = folders
        self._kinds = {folder: kind for kind, folder in folders.items()}
        self._source = source

    async def get(self, ticker: str, kind: PaperKind) -> tuple[Reply, PaperKind]:
        """The page of `ticker` as a paper of `kind`, and the kind whose folder answered: sites redirect to the right.

        Raises ScrapeError: NOT_FOUND when the site has no such page, or leads away to one that is not the paper's;
        else as `Site.get`.
        """
        path = self._path.format(folder=self._folders[kind], ticker=ticker.lower())
        reply = await self._site.get(self._origin, path, accept=_GONE)
        steps = [step.lower() for step in httpx.URL(reply.url).path.split("/") if step]
        if reply.status in _GONE or steps[-1:] != [ticker.lower()]:
            raise ScrapeError(f"{self._source} does not know {ticker} as {kind.with_article}", FailureClass.NOT_FOUND)
        return reply, self._kinds.get("".join(steps[-2:-1]), kind)
