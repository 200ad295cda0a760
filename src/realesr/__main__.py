"""``python -m realesr`` is the ``realesr`` command."""

import sys

from realesr.cli.start import main

sys.exit(main())
