"""Tab completion: a script for the shell, made from the options that there are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from nncore.cli.output import print_lines

SHELLS = {
    "bash": 'eval "$(nncore --completion bash)"',
    "zsh": 'autoload -U bashcompinit && bashcompinit && eval "$(nncore --completion zsh)"',
}
"""The line for the shell's own file that turns completion on."""


class PrintCompletion(argparse.Action):
    """The option that prints the script and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print_lines(script(parser))
        parser.exit()


def script(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines of a script for bash, which zsh understands with ``bashcompinit``; files are completed, too."""
    words = dict(_words(parser))
    yield "_nncore() {"
    yield '  local words=""'
    yield '  case "${COMP_WORDS[1]} ${COMP_WORDS[2]} " in'
    for command, options in sorted(words.items(), key=lambda one: -one[0].count(" ")):
        if command:
            yield f'    "{command} "*) words="{" ".join(options)}";;'
    yield "  esac"
    yield f'  [ "$COMP_CWORD" = 1 ] && words="{" ".join(words[""])}"'
    yield '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))'
    yield "}"
    yield "complete -o default -F _nncore nncore"


def _words(parser: argparse.ArgumentParser, command: str = "") -> Iterator[tuple[str, list[str]]]:
    words: list[str] = []
    for action in parser._actions:
        words += action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            words += action.choices
            for name, inner in action.choices.items():
                yield from _words(inner, f"{command} {name}".strip())
    yield command, words
