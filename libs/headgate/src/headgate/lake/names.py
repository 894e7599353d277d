"""What zones are called. Apart from `session`, so that naming one does not load the engine."""


def private_zone(team: str) -> str:
    return f"{team}_private"
