"""The same steps over columns: visits only the moments at which something can change.

Features and scores of a whole stretch of time are computed ahead, as columns. Between two changes of
mind the decision promises to stay as it is (`next_change`), the venue promises that no order can be
touched (`next_touch`), and the clock knows its next timer. Every moment that one of them names is
visited with the very calls of `Engine.step`; all others are provably without effect and skipped.

    rows        . . . . . . . . . . . . . . . . . . . .
    decision            ^                   ^               next_change
    venue                 ^                   ^             next_touch
    clock                 T   T   T                         next_due
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.errors import ContractBroken
from quant_contracts.events import Features, Score
from quant_contracts.protocols import BlockModel, MatchingEngine
from quant_contracts.units import Nanos
from quant_daemon.clock import NEVER
from quant_daemon.engine import Engine
from quant_daemon.extractor import as_of
from quant_daemon.lane import Lane


class Stretch:
    """One symbol's rows within one stretch of time, its features and scores, and where to stop next."""

    __slots__ = (
        "_at",
        "_columns",
        "_is_prompt",
        "_known",
        "_scores",
        "block",
        "change",
        "change_ts",
        "known_rows",
        "lane",
        "rows",
        "touch",
        "touch_ts",
    )

    def __init__(self, lane: Lane, block: BarBlock, others: Mapping[str, BarBlock]) -> None:
        self.lane = lane
        self.block = block
        self.rows = len(block)
        self.known_rows = 0
        """How many rows are known by now."""
        self._known = block.ts_known
        # Bars that are known at their close are known one at a time; late ones may come several at once.
        self._is_prompt = block.known is None
        columns, ready = lane.parts.extractor.update_many(block, others)
        # Scores exist only where every feature does; `_at` maps them back to rows.
        self._at: npt.NDArray[np.intp] | None = None
        count = self.rows
        if ready is not None:
            self._at = ready.nonzero()[0]
            count = len(self._at)
            columns = {name: column[ready] for name, column in columns.items()}
        self._columns = columns
        self._scores = _scores(lane, columns, count)
        lane.bars += self.rows
        # A visited step counts itself; here belong the steps that need no visit.
        lane.steps += len(self._scores)
        self.touch = self.change = self.rows
        """The next row at which an order may be touched or the decision changes; past the end for none."""
        self.touch_ts: Nanos = NEVER
        self.change_ts: Nanos = NEVER
        """The moments of those rows."""
        self._find_change(0)

    def advance(self, moment: Nanos) -> None:
        """Let everything known at `moment` be known, and the mark be the last close of it."""
        if self._is_prompt and moment == self.change_ts:
            self.known_rows = self.change + 1
        elif self._is_prompt and moment == self.touch_ts:
            self.known_rows = self.touch + 1
        else:
            self.known_rows = int(self._known.searchsorted(moment, side="right"))
        if self.known_rows:
            self.lane.mark(self.block.close.item(self.known_rows - 1))

    def find_touch(self, venue: MatchingEngine, start: int) -> None:
        """Ask the venue which row from `start` on may touch an order."""
        self.touch = touch = venue.next_touch(self.block, start)
        self.touch_ts = self._known.item(touch) if touch < self.rows else NEVER

    def step(self) -> None:
        """Step on the row at which the decision changes, and find where it changes next."""
        row, lane = self.change, self.lane
        index = row if self._at is None else int(self._at.searchsorted(row))
        values = {name: column.item(index) for name, column in self._columns.items()}
        lane.steps -= 1
        lane.publish_features(Features(self._known.item(row), lane.symbol, values))
        self._find_change(index + 1)

    def _find_change(self, index: int) -> None:
        lane, count = self.lane, len(self._scores)
        if index < count:
            if lane.next_change is not None:
                index = lane.next_change(self._scores, self._columns, lane.held, index)
            else:
                index = self._scan(index)
        if index >= count:
            self.change, self.change_ts = self.rows, NEVER
        else:
            self.change = index if self._at is None else int(self._at[index])
            self.change_ts = self._known.item(self.change)

    def _scan(self, start: int) -> int:
        lane = self.lane
        for index in range(start, len(self._scores)):
            values = {name: column.item(index) for name, column in self._columns.items()}
            row = index if self._at is None else int(self._at[index])
            score = Score(self._known.item(row), lane.symbol, self._scores.item(index))
            if not lane.parts.decision.decide(score, values, lane.held).same_as(lane.held):
                return index
        return len(self._scores)


def _scores(lane: Lane, columns: Mapping[str, Column], count: int) -> Column:
    model = lane.parts.model
    if not columns:
        # A model that reads nothing always says the same.
        scores = np.full(count, model.predict({}))
    elif isinstance(model, BlockModel):
        scores = model.predict_many(columns)
    else:
        names = tuple(columns)
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        scores = np.array(
            [model.predict(dict(zip(names, row, strict=True))) for row in rows], dtype=np.float64
        )
    # min and max carry NaN along, so that this is also false for NaN.
    if len(scores) and not (scores.min() >= -1.0 and scores.max() <= 1.0):
        raise ContractBroken(f"{model!r} scored outside of -1 to 1: from {scores.min()} to {scores.max()}")
    return scores


class BlockRunner:
    """Runs an engine over stretches of time instead of bar by bar."""

    def __init__(self, engine: Engine, venue: MatchingEngine) -> None:
        self._engine = engine
        self._venue = venue

    def run(self, epoch: Mapping[str, BarBlock], end: Nanos) -> None:
        """Run over the bars of every symbol up to `end`, the last moment of this stretch."""
        engine, clock, venue = self._engine, self._engine.clock, self._venue
        stretches = [self._stretch(lane, epoch) for lane in engine.lanes if lane.symbol in epoch]
        for stretch in stretches:
            stretch.find_touch(venue, 0)
        while True:
            visit = NEVER
            for stretch in stretches:
                visit = min(visit, stretch.change_ts, stretch.touch_ts)
            due = clock.next_due
            moment = min(visit, due)
            if moment > end:
                break
            self._sample(stretches, moment)
            for stretch in stretches:
                stretch.advance(moment)
            if visit <= due:
                self._visit(stretches, moment)
            else:
                clock.advance(moment)
            for stretch in stretches:
                stretch.find_touch(venue, stretch.known_rows)
        self._sample(stretches, end + 1)
        for stretch in stretches:
            stretch.advance(end)
        clock.advance(end)
        for symbol, block in epoch.items():
            engine.handlers[symbol].push_many(block)

    def _sample(self, stretches: list[Stretch], until: Nanos) -> None:
        """Take the samples of the account that are due before `until`, each at the marks of its moment."""
        sampler = self._engine.sampler
        while sampler.next < until:
            for stretch in stretches:
                stretch.advance(sampler.next)
            sampler.take()

    def _stretch(self, lane: Lane, epoch: Mapping[str, BarBlock]) -> Stretch:
        block = epoch[lane.symbol]
        handlers = self._engine.handlers
        others = {
            symbol: as_of(block, handlers[symbol].last, epoch.get(symbol))
            for symbol in lane.parts.extractor.others
        }
        return Stretch(lane, block, others)

    def _visit(self, stretches: list[Stretch], moment: Nanos) -> None:
        """What `Engine.step` does at one moment, for the symbols that have something to do."""
        engine = self._engine
        engine.clock.advance_before(moment)
        for stretch in stretches:
            while stretch.touch_ts == moment:
                engine.publish_bar[stretch.lane.symbol](stretch.block.bar(stretch.touch))
                stretch.find_touch(self._venue, stretch.touch + 1)
        engine.clock.advance(moment)
        for stretch in stretches:
            while stretch.change_ts == moment:
                stretch.step()
