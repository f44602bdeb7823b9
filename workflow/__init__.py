"""The engine: cases, tasks, deadlines and history of a roll-out, without web framework, timer or HTML."""
