"""Counters for monitoring, in Prometheus' text format; they hold no words and no places of anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.serve.guard import Guard
    from twin.serve.service import Service

__all__ = ["metrics_text"]


def metrics_text(service: Service, guard: Guard) -> str:
    """Return the counters of a server.

    Parameters
    ----------
    service : Service
        Requests, entries and ideas.
    guard : Guard
        Requests it has refused.
    """
    lines = ["# HELP twin_requests_total Answers by status.", "# TYPE twin_requests_total counter"]
    lines += [f'twin_requests_total{{status="{status}"}} {count}' for status, count in sorted(service.requests.items())]
    lines += ["# HELP twin_refused_total Requests refused at the door.", "# TYPE twin_refused_total counter"]
    lines += [f'twin_refused_total{{status="{status}"}} {count}' for status, count in sorted(guard.refused.items())]
    lines += ["# HELP twin_entries Entries by kind and state.", "# TYPE twin_entries gauge"]
    lines += [f'twin_entries{{kind="{kind}"}} {count}' for kind, count in sorted(service.entries.counts().items())]
    shop = service.workshop
    if shop is not None:
        lines += ["# HELP twin_ideas_total Ideas by outcome.", "# TYPE twin_ideas_total counter"]
        lines += [f'twin_ideas_total{{outcome="{state}"}} {count}' for state, count in sorted(shop.counts.items())]
        waiting = sum(job.state == "waiting" for job in list(shop.jobs.values()))
        lines += [
            "# HELP twin_ideas_waiting Ideas in line.",
            "# TYPE twin_ideas_waiting gauge",
            f"twin_ideas_waiting {waiting}",
        ]
        times = sorted(shop.seconds)
        for share in (0.5, 0.95) if times else ():
            value = times[min(len(times) - 1, int(share * len(times)))]
            lines.append(f'twin_ideas_seconds{{quantile="{share:g}"}} {value:.3f}')
    return "\n".join(lines) + "\n"
