"""The parts that need no network and no server, tested on each Python that this machine has: `make test-pythons`."""
