"""Fakes for the ports that a test must not really use; everything else in the tests is real."""


class RecordingNudger:
    """Remembers nudges instead of sending them, in the order in which they came."""

    def __init__(self) -> None:
        self.nudges: list[str] = []

    def nudge(self, task: str, /) -> None:
        self.nudges.append(str(task))


class ScriptedProbe:
    """Answers as a test says."""

    def __init__(self) -> None:
        self.up = True

    def answers(self) -> bool:
        return self.up
