"""Asks whether to go on, on a terminal."""

from __future__ import annotations

import sys

import click

from reconciler.core.diagnostics import Failed, error


def ask(question: str) -> None:
    """Raises Failed without a terminal, Abort on any answer but yes, KeyboardInterrupt on Ctrl-C."""
    if not sys.stdin.isatty():
        raise Failed([error("no-answer", "there is no terminal to ask on", hint="give --yes")])
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None  # Ctrl-C at the question is no answer
    if not agreed:
        raise click.Abort
