"""Which moves a state permits. The only room that knows `transitions`."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import transitions

from workflow.definition import Process, Transition
from workflow.errors import TransitionNotAvailable


@dataclass(frozen=True, slots=True)
class Move:
    """One transition taken from one state."""

    name: str
    transition: Transition
    source: str
    target: str


class StateMachine:
    """The moves of one process version. It decides; it stores nothing and calls nobody.

    One is built per version and shared by all threads; each question is asked of a throw-away token, so nothing is
    registered and nothing stays alive.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self._machine = transitions.Machine(
            model=None,
            states=list(process.states),
            initial=process.initial,
            transitions=[
                {"trigger": name, "source": list(transition.from_), "dest": transition.to}
                for name, transition in process.transitions.items()
            ],
            auto_transitions=False,
            queued=False,
            send_event=False,
        )

    def moves_from(self, state: str) -> dict[str, Move]:
        """Every transition that starts from this state, in the order of the definition."""
        return {
            name: Move(name, transition, state, transition.to)
            for name, transition in self.process.transitions.items()
            if state in transition.from_
        }

    def move(self, state: str, transition: str) -> Move:
        """The move `transition` makes from `state`; raises TransitionNotAvailable."""
        token = SimpleNamespace(state=state)
        try:
            self._machine.events[transition].trigger(token)
        except (KeyError, transitions.MachineError) as error:
            raise TransitionNotAvailable(transition, state) from error
        return Move(transition, self.process.transitions[transition], state, token.state)
