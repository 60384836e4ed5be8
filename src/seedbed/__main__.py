"""`python -m seedbed` is the `seedbed` command."""

from seedbed.cli.main import main

main()
