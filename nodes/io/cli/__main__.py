"""``python -m nodes.io.cli``: the command without the installed script."""

from nodes.io.cli.app import main

main()
