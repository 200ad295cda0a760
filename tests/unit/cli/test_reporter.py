"""Messages of the reporter."""

import errno
import os
from pathlib import Path

from realesr.cli.reporter import message_of


def test_what_the_system_refuses_is_told_with_a_remedy():
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE), "models/x.pth")
    message = message_of(Path("a.png"), error)
    assert message.startswith("a.png: models/x.pth: ")
    assert "ulimit -n" in message
