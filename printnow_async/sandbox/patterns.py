"""Routes as they are written, such as "PATCH /api/v2/customer/{id}", and the requests that match them."""

from __future__ import annotations

import attrs

__all__ = ["METHODS", "RoutePattern"]

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")


@attrs.frozen
class RoutePattern:
    """A method and the segments of a path. A segment in braces stands for any one segment that is not empty."""

    method: str
    """In capitals."""
    segments: tuple[str, ...]
    """The path, split at its slashes."""

    @classmethod
    def parse(cls, route: str) -> RoutePattern:
        """Read "METHOD /path". `ValueError` says what is wrong with another text."""
        method, _, path = route.partition(" ")
        if method not in METHODS:
            raise ValueError(f"route: {route!r} must begin with one of {', '.join(METHODS)} and a space")
        if not path.startswith("/") or any(mark in path for mark in " ?#"):
            raise ValueError(f"route: the path in {route!r} must begin with a slash, without blanks, '?' or '#'")
        return cls(method, tuple(path.split("/")))

    def __str__(self) -> str:
        return f"{self.method} {'/'.join(self.segments)}"

    def matches_path(self, path: str) -> bool:
        """Whether a request's path fits this route, with any method."""
        segments = path.split("/")
        return len(segments) == len(self.segments) and all(
            mine == its or (its != "" and _is_placeholder(mine))
            for mine, its in zip(self.segments, segments, strict=True)
        )

    def matches(self, method: str, path: str) -> bool:
        """Whether a request fits this route."""
        return method == self.method and self.matches_path(path)

    def overlaps(self, other: RoutePattern) -> bool:
        """Whether one request could fit both routes."""
        return (
            self.method == other.method
            and len(self.segments) == len(other.segments)
            and all(
                mine == its or _is_placeholder(mine) or _is_placeholder(its)
                for mine, its in zip(self.segments, other.segments, strict=True)
            )
        )

    def values(self, path: str) -> tuple[str, ...]:
        """The segments of a fitting path that stand where this route has braces."""
        pairs = zip(self.segments, path.split("/"), strict=True)
        return tuple(its for mine, its in pairs if _is_placeholder(mine))


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
