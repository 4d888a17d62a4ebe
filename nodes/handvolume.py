"""What is allowed where a hand names a volume: it is refused, never bent into what fits."""

from mesh.messages.accounts import SymbolSpec
from nodes.amounts import amount_text


def objection_to_volume(spec: SymbolSpec, volume_e8: int, most_e8: int) -> str:
    """Why this volume cannot be, with what is allowed; empty where it can. ``most_e8``: the most there is to trade, and always allowed."""
    highest_e8 = min(spec.volume_max_e8, most_e8)
    is_on_step = spec.volume_step_e8 == 0 or volume_e8 % spec.volume_step_e8 == 0
    if volume_e8 == most_e8 or (is_on_step and spec.volume_min_e8 <= volume_e8 <= highest_e8):
        return ""
    least, highest, step = (amount_text(value_e8) for value_e8 in (spec.volume_min_e8, highest_e8, spec.volume_step_e8))
    return f"volume={amount_text(volume_e8)} allowed={least}..{highest} step={step}"
