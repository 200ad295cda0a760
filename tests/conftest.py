import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@pytest.fixture
def unprivileged():
    """A context in which nothing is done as root, for whom nothing is forbidden."""

    @contextmanager
    def other_user() -> Iterator[None]:
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if is_root:
                os.seteuid(0)

    return other_user
