"""Events per second through the bus, beside a plain list of callables in the same process."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable

from quant_contracts.events import Score
from quant_daemon.bus import Bus

EVENTS = 1_000_000


def timed(publish: Callable[[Score], object]) -> float:
    event = Score(1, "BTCUSDT", 0.5)
    start = time.perf_counter()
    for _ in range(EVENTS):
        publish(event)
    return time.perf_counter() - start


def main() -> None:
    for subscribers in (1, 4):
        calls = [lambda _event: None for _ in range(subscribers)]

        def plain(event: Score, calls: list[Callable[[Score], None]] = calls) -> None:
            for call in calls:
                call(event)

        bus = Bus()
        bus.allow(Score, "bench")
        for call in calls:
            bus.subscribe(Score, call, "bench")
        bus.seal()
        seconds, floor = (
            min(timed(publish) for _ in range(3)) for publish in (bus.publisher(Score, ""), plain)
        )
        line = {
            "name": "quant_engine",
            "workload": f"bus_{subscribers}",
            "n_events": EVENTS,
            "seconds": round(seconds, 6),
            "rate": round(EVENTS / seconds, 1),
            "times_a_plain_list": round(seconds / floor, 2),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
