"""Whether the optimizers that are listened to still step."""

FEW = 100
"""Calls without a step that no loop is suspected for: a critic may have as many of its own."""
USUAL = 4
"""Times the longest pause so far that a pause may last."""


class Clock:
    """Finds out that an optimizer has come to stand still.

    Args:
        name: ``generator`` or ``discriminator``.
        every: generator steps between checks.

    Attributes:
        skipping: whether every step of the last window was one in name only.
        still: why it is thought to stand still, for people; None while it steps.
    """

    def __init__(self, name: str, every: int):
        self.name, self.every = name, every
        self.skipping = False
        self.still: str | None = None
        self._steps = 0
        self._pause = 0
        self._longest = 0

    def look(self, steps: int, *, gone: bool) -> bool:
        """At a call of the loop; whether it has just come to stand still.

        Args:
            steps: of the optimizer so far.
            gone: the optimizer does not exist any more.
        """
        if steps != self._steps and not (gone or self.skipping or self._pause or self.still):
            self._steps = steps
            return False
        before = self.still
        if steps != self._steps:
            self._steps = steps
            self._longest, self._pause = max(self._longest, self._pause), 0
        else:
            self._pause += 1
        limit = max(FEW, 2 * self.every, USUAL * self._longest)
        if gone:
            self.still = (
                f"the {self.name}'s optimizer does not exist any more; "
                "make a new monitor with the one in its place"
            )
        elif self.skipping:
            self.still = (
                f"the {self.name}'s optimizer leaves every step out: its gradients are not finite; "
                "look at the loss and at the GradScaler's scale"
            )
        elif self._pause > limit:
            self.still = (
                f"the {self.name}'s optimizer has not stepped in {limit} calls of monitor.step: a "
                "GradScaler skips every step, or another optimizer is in its place; make a new "
                "monitor with that one"
            )
        else:
            self.still = None
        return self.still is not None and before is None
