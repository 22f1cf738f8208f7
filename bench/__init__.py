"""Speed and size, measured: `python -m bench`."""
