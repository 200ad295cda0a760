"""The learning rate and the steps of the discriminator."""

from __future__ import annotations

import math
from typing import Any

FAST = 0.98
SLOW = 0.995
TOLERANCE = 1.02
"""The discriminator waits while the fast average of the generator's loss is above the slow one by
this factor."""


def learning_rate(step: int, *, warmup_steps: int, decay_steps: int, total_steps: int) -> float:
    """Returns the factor on the highest learning rate, in [0, 1].

    Linear warm-up, a plateau, and a half cosine down to 0 over the last ``decay_steps``, so that a
    run can be made longer or shorter from a checkpoint of its plateau.
    """
    warmup = min(1.0, (step + 1) / max(1, warmup_steps))
    left = total_steps - step
    progress = 1 - min(1.0, left / max(1, decay_steps))
    return warmup * 0.5 * (1 + math.cos(math.pi * progress))


class AdaptiveSteps:
    """Leaves out the discriminator's steps while the generator is losing ground.

    A discriminator that is too strong gives a small generator nothing to follow. It waits while the
    generator's adversarial loss rises: while its fast moving average is above its slow one.
    """

    def __init__(self) -> None:
        self._fast: float | None = None
        self._slow = 0.0
        self.skipped = 0

    def allows(self, generator_loss: float) -> bool:
        """Takes the generator's adversarial loss of a step; tells whether the step may be made."""
        if self._fast is None:
            self._fast = self._slow = generator_loss
        self._fast = FAST * self._fast + (1 - FAST) * generator_loss
        self._slow = SLOW * self._slow + (1 - SLOW) * generator_loss
        allowed = self._fast <= TOLERANCE * self._slow
        self.skipped += not allowed
        return allowed

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return {"fast": self._fast, "slow": self._slow, "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self._fast, self._slow, self.skipped = state["fast"], state["slow"], state["skipped"]
