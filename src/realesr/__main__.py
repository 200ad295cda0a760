"""``python -m realesr`` is the ``realesr`` command."""

import sys

from realesr.cli.main import main

sys.exit(main())
