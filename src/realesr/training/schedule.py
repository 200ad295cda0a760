"""The learning rate and the steps of the discriminator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

FAST = 0.98
SLOW = 0.995
TOLERANCE = 1.02
"""Ratio of the fast to the slow average of the generator's loss above which the discriminator
waits."""


def learning_rate(
    step: int,
    *,
    warmup_steps: int,
    decay_steps: int,
    total_steps: int,
    milestones: Sequence[int] = (),
    milestone_factor: float = 0.5,
) -> float:
    """Returns the factor on the highest learning rate, in [0, 1].

    Linear warm-up, a plateau, and a half cosine down to 0 over the last ``decay_steps``, so that a
    run can be made longer or shorter from a checkpoint of its plateau. From each of ``milestones``
    on, the rate is multiplied once more by ``milestone_factor``, as in most of the literature.
    """
    warmup = min(1.0, (step + 1) / max(1, warmup_steps))
    left = total_steps - step
    progress = 1 - min(1.0, left / max(1, decay_steps))
    passed: float = milestone_factor ** sum(step >= milestone for milestone in milestones)
    return warmup * passed * 0.5 * (1 + math.cos(math.pi * progress))


class AdaptiveSteps:
    """Skips the discriminator's steps while the generator's adversarial loss rises.

    A discriminator that is too strong gives a small generator no useful gradient. The loss counts
    as rising while its fast moving average exceeds :data:`TOLERANCE` times its slow one.
    """

    def __init__(self) -> None:
        self._fast: float | None = None
        self._slow = 0.0
        self.skipped = 0

    def allows(self, generator_loss: float) -> bool:
        """Adds the generator's adversarial loss of a step; returns whether the step is made."""
        if self._fast is None:
            self._fast = self._slow = generator_loss
        self._fast = FAST * self._fast + (1 - FAST) * generator_loss
        self._slow = SLOW * self._slow + (1 - SLOW) * generator_loss
        allowed = self._fast <= TOLERANCE * self._slow
        self.skipped += not allowed
        return allowed

    def state_dict(self) -> dict[str, Any]:
        """Returns the state for a checkpoint."""
        return {"fast": self._fast, "slow": self._slow, "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of a checkpoint."""
        self._fast, self._slow, self.skipped = state["fast"], state["slow"], state["skipped"]
