"""Another script with the same class in it, as a worker has that was forgotten when the script was changed."""

from locustfile import Reader  # noqa: F401
