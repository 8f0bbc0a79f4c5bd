"""Where a request's method and path meet a written route such as "PATCH /api/v2/customer/{id}"."""

from __future__ import annotations

import attrs

__all__ = ["METHODS", "RoutePattern"]

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")


@attrs.frozen
class RoutePattern:
    """A method and the segments of a path; a segment in braces stands for any one segment."""

    method: str
    """In capitals."""
    segments: tuple[str, ...]
    """The path, cut at its slashes."""

    @classmethod
    def parse(cls, route: str) -> RoutePattern:
        """Read "METHOD /path"; raise `ValueError` naming what is wrong with it."""
        method, _, path = route.partition(" ")
        if method not in METHODS:
            raise ValueError(f"route: {route!r} must begin with one of {', '.join(METHODS)} and a space")
        if not path.startswith("/") or any(mark in path for mark in " ?#"):
            raise ValueError(f"route: the path in {route!r} must begin with a slash, without blanks, '?' or '#'")
        return cls(method, tuple(path.split("/")))

    def __str__(self) -> str:
        return f"{self.method} {'/'.join(self.segments)}"

    def matches_path(self, path: str) -> bool:
        """Say whether a request's path fits, whatever its method."""
        segments = path.split("/")
        return len(segments) == len(self.segments) and all(
            mine == its or (its != "" and _is_placeholder(mine))
            for mine, its in zip(self.segments, segments, strict=True)
        )

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request fits."""
        return method == self.method and self.matches_path(path)

    def overlaps(self, other: RoutePattern) -> bool:
        """Say whether some request could fit both."""
        return (
            self.method == other.method
            and len(self.segments) == len(other.segments)
            and all(
                mine == its or _is_placeholder(mine) or _is_placeholder(its)
                for mine, its in zip(self.segments, other.segments, strict=True)
            )
        )

    def values(self, path: str) -> tuple[str, ...]:
        """Give the segments of a fitting path that stand where the braces are."""
        pairs = zip(self.segments, path.split("/"), strict=True)
        return tuple(its for mine, its in pairs if _is_placeholder(mine))


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
