"""The version, in one place: the build, `printnow --version` and the User-Agent read it here."""

__version__ = "0.1.0"
