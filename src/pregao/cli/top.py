"""`pregao top`: the system live on one screen, or one frame of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import aclosing

import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from pregao.cli.keyboard import Keyboard
from pregao.cli.session import apart, console, print_json, quiet
from pregao.cli.signals import first_of
from pregao.settings import Settings
from pregao.top.frame import Frame
from pregao.top.screen import draw
from pregao.top.source import FrameSource

REFRESH_SECONDS = 1.0
QUIT_KEYS = frozenset("qQ\x03\x04")


def top(*, once: bool, as_json: bool) -> None:
    """Show frames until `q` or Ctrl-C; one frame when asked for, or when there is no terminal to show them on.

    A single frame that lacks a part, since a server did not answer, exits with 1.
    """
    quiet("CRITICAL")  # what is wrong is on the screen, and a log line would tear it
    settings, terminal = Settings.load(), console()
    if once or as_json or not terminal.is_terminal or terminal.is_dumb_terminal:
        frame = apart(_one(settings))
        if as_json:
            print_json(frame.document())
        else:
            terminal.print(draw(frame, width=terminal.width))
        raise typer.Exit(0 if frame.is_whole else 1)
    asyncio.run(_watch(settings, terminal))


async def _one(settings: Settings) -> Frame:
    async with aclosing(FrameSource(settings)) as source:
        return await source.take()


async def _watch(settings: Settings, terminal: Console) -> None:
    stop = asyncio.Event()
    view = _View()
    with Live(view, console=terminal, screen=True, auto_refresh=False) as live:

        def on_key(typed: str) -> None:
            if QUIT_KEYS & set(typed):
                stop.set()

        with Keyboard(on_key, stop.set) as keyboard:
            _listen(stop, lambda: live.refresh(), lambda: _suspend(live, keyboard))
            async with aclosing(FrameSource(settings)) as source:
                await first_of(stop, _refresh(source, view, live))
        # Some terminals, tmux among them, would keep lines of a screen that was resized.
        terminal.clear()


async def _refresh(source: FrameSource, view: _View, live: Live) -> None:
    while True:
        view.frame = await source.take()
        live.refresh()
        await asyncio.sleep(REFRESH_SECONDS)


class _View:
    """The latest frame, drawn anew for the size that the terminal has each time."""

    frame: Frame | None = None

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        if self.frame is None:
            yield Text("pregao top: looking at Redis, PostgreSQL and the schedules …")
            return
        yield draw(self.frame, width=options.max_width, height=options.height or options.size.height)


def _listen(stop: asyncio.Event, on_resize: Callable[[], None], on_suspend: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGWINCH, on_resize)
    loop.add_signal_handler(signal.SIGTSTP, on_suspend)


def _suspend(live: Live, keyboard: Keyboard) -> None:
    """Ctrl-Z: give the terminal back, sleep, and take it again when the shell says `fg`."""
    keyboard.give_back()
    live.stop()
    os.kill(os.getpid(), signal.SIGSTOP)
    live.start(refresh=True)
    keyboard.grab()
