"""The old name of `shared_options`, which `importing` still uses."""

from printnow_async.cli.shared_options import ID

__all__ = ["ID"]
