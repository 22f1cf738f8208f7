"""`python -m consumers.cli` is `headwater`."""

from consumers.cli import main

main()
