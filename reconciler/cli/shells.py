"""From a shell's command line to what can stand at its cursor, in the form that its script expects.

click finds the parameter. The scripts are our own: those of click 8.5 lose the option in `--target=NAME` (zsh, fish),
complete nothing there (bash), and do not quote what a shell would read as a pattern.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from reconciler.cli import COMMANDS

ASKED = "_RECONCILER_COMPLETE"
"""The variable in which a script says for which shell it asks."""
LINE, BREAKS = "COMP_LINE", "COMP_WORDBREAKS"
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_LIVE = re.compile(r"[\\\"$`]")
"""What means something within double quotes."""
_PLAIN = re.compile(r"[^\w@%+=:,./-]")

_BASH = """\
_reconciler() {
    local type value
    COMPREPLY=()
    while IFS=$'\\t' read -r type value _; do
        case $type in
            dir) compopt -o dirnames -o filenames ;;
            file) compopt -o default -o filenames ;;
            part) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(_RECONCILER_COMPLETE=bash COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        "${1/#\\~/$HOME}")
} 2>/dev/null
complete -o nosort -F _reconciler reconciler 2>/dev/null || complete -F _reconciler reconciler
"""
_ZSH = """\
#compdef reconciler
_reconciler() {
    local type value help
    local -a values parts shown_values shown_parts
    while IFS=$'\\t' read -r type value help; do
        case $type in
            dir) [[ $PREFIX == -*=* ]] && compset -P 1 '*='; _path_files -/ ;;
            file) [[ $PREFIX == *=* ]] && compset -P '*='; _path_files ;;
            part) parts+=("$value"); shown_parts+=("$value${help:+  -- $help}") ;;
            plain) values+=("$value"); shown_values+=("$value${help:+  -- $help}") ;;
        esac
    done < <(_RECONCILER_COMPLETE=zsh COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" "${~words[1]}" 2>/dev/null)
    (( $#values )) && compadd -l -V reconciler -d shown_values -a values
    (( $#parts )) && compadd -l -S '' -V reconciler -d shown_parts -a parts
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _reconciler "$@"
else
    compdef _reconciler reconciler
fi
"""
_FISH = """\
function _reconciler
    set -l token (commandline -ct)
    set -l head (string match -r '^.*=' -- $token)
    set -l rest (string replace -r '^.*=' '' -- $token)
    set -lx COMP_LINE (commandline -cp | string collect)
    set -lx _RECONCILER_COMPLETE fish
    for line in (reconciler 2>/dev/null)
        set -l part (string split \\t -- $line)
        switch $part[1]
            case dir
                for path in (__fish_complete_directories $rest ''); printf '%s%s\\n' "$head" $path; end
            case file
                for path in (__fish_complete_path $rest); printf '%s%s\\n' "$head" $path; end
            case plain part
                printf '%s\\t%s\\n' $part[2] $part[3]
        end
    end
end
complete --no-files --command reconciler --arguments '(_reconciler)'
"""


class Completer(ShellComplete):
    """What the shells have in common: a line to the cursor comes in, rows of type, value and help go out."""

    def get_completion_args(self) -> tuple[list[str], str]:
        return divided(os.environ.get(LINE, ""))

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """With the option before each value where both are one word, `--target=NAME`.

        A name that goes on in another line, or would move the cursor, is not offered.
        """
        if args and args[0] not in COMMANDS:
            return []
        option = incomplete[: incomplete.index("=") + 1] if re.match("--[a-z-]+=", incomplete) else ""
        found = super().get_completions(args, incomplete)
        return [CompletionItem(option + one.value, one.type, one.help) for one in found if one.value.isprintable()]

    def format_completion(self, item: CompletionItem) -> str:
        words = "".join(char for char in " ".join((item.help or "").split()) if char.isprintable())
        return f"{item.type}\t{item.value}\t{words}"


class Bash(Completer):
    name = "bash"
    source_template = _BASH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """As bash takes them: what follows the last break within a word, and quoted; bash itself does not."""
        begun = max((incomplete.rfind(sign) + 1 for sign in os.environ.get(BREAKS, "")), default=0)
        quote = open_quote(os.environ.get(LINE, ""))
        found = super().get_completions(args, incomplete)
        return [CompletionItem(escaped(item.value[begun:], quote), item.type) for item in found]


class Zsh(Completer):
    name = "zsh"
    source_template = _ZSH


class Fish(Completer):
    name = "fish"
    source_template = _FISH


SHELLS: Mapping[str, type[Completer]] = {one.name: one for one in (Bash, Zsh, Fish)}


def divided(line: str) -> tuple[list[str], str]:
    """The words between the command and the cursor, and what stands of the one at the cursor."""
    words = split_arg_string(f"{line}x")
    while words and _ASSIGNED.match(words[0]):  # `NAME=value reconciler ...`
        words = words[1:]
    return words[1:-1], words[-1][:-1] if len(words) > 1 else ""


def open_quote(line: str) -> str:
    """The quotes that the cursor stands within; '' for none."""
    line = line.rstrip("\\")
    return next((quote for quote in ("", "'") if split_arg_string(f"{line}{quote} x")[-1] == "x"), '"')


def escaped(text: str, quote: str = "") -> str:
    """`text` as one word of bash, or as the part of one that stands within `quote`."""
    if quote == "'":
        return text.replace("'", "'\\''")
    return (_LIVE if quote else _PLAIN).sub(lambda found: "\\" + found[0], text)


def answer(command: click.Command, shell: str) -> None:
    """Print what can stand at the cursor; whatever is wrong, nothing else is printed."""
    quiet = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    sys.stderr = quiet
    try:
        text = SHELLS[shell](command, {}, "reconciler", ASKED).complete()
        click.echo(text, nl=bool(text))
    except (Exception, SystemExit):  # noqa: BLE001 - somebody is typing: no finding belongs there
        return
