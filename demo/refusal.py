"""What the demo says when it cannot go on."""

from typing import Any


class Refusal(Exception):
    """Something stands in the way; `key` and `facts` make the sentence that says what to do."""

    def __init__(self, key: str, *, code: int = 1, **facts: Any) -> None:
        super().__init__(key)
        self.key, self.code, self.facts = key, code, facts
