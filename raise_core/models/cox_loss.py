"""The Cox partial likelihood as a loss for torch, with Efron's handling of tied times, by automatic differentiation."""

from __future__ import annotations

import torch


def efron_loss(log_hazard: torch.Tensor, time_weeks: torch.Tensor, event: torch.Tensor) -> torch.Tensor:
    """Negative log partial likelihood divided by the number of events; 0 where there is none.

    Of d events tied at a time the k-th (k = 0 … d - 1) leaves the share k/d of the tied events' own hazard out of its
    risk set (Efron B. JASA 1977;72:557-565). Computed in float64 with the largest hazard divided out.

    Args:
        log_hazard: shape (n,), higher = worse.
        time_weeks: shape (n,).
        event: shape (n,), bool; False where censored. Censored patients count in the risk sets up to their time.
    """
    if not bool(event.any()):
        return log_hazard.sum() * 0.0
    order = torch.argsort(time_weeks, descending=True, stable=True)
    risk, time, died = log_hazard[order].double(), time_weeks[order], event[order]
    new_time = torch.ones_like(died)
    new_time[1:] = time[1:] != time[:-1]
    group = torch.cumsum(new_time.to(torch.int64), dim=0) - 1
    in_group = torch.nn.functional.one_hot(group).to(risk.dtype)

    shift = risk.max().detach()
    hazard = torch.exp(risk - shift)
    at_risk = torch.cumsum(hazard @ in_group, dim=0)
    tied = (hazard * died) @ in_group
    events = in_group.T @ died.to(risk.dtype)
    rank = torch.cumsum(died.to(risk.dtype), dim=0) - 1 - (torch.cumsum(events, dim=0) - events)[group]
    own = group[died]
    seen = at_risk[own] - rank[died] / events[own] * tied[own]
    loss = (torch.log(seen) + shift - risk[died]).sum() / died.sum()
    return loss.to(log_hazard.dtype)
