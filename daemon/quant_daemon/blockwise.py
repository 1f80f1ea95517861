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
from math import isnan

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.errors import ContractBroken
from quant_contracts.events import Features, Score
from quant_contracts.protocols import BlockModel, MatchingEngine
from quant_contracts.units import Nanos
from quant_daemon.as_of import as_of
from quant_daemon.clock import NEVER
from quant_daemon.engine import Engine
from quant_daemon.lane import Lane
from quant_daemon.look_ahead import look_ahead


class Stretch:
    """One symbol's rows within one stretch of time, its features and scores, and where to stop next."""

    __slots__ = (
        "_at",
        "_columns",
        "_flat",
        "_is_patchy",
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
        table = lane.parts.extractor.update_many(block, others)
        columns, ready, self._is_patchy = table.columns, table.ready, table.patchy
        self._flat = dict(table.flat)
        # Scores exist only where every feature does; `_at` maps them back to rows.
        self._at: npt.NDArray[np.intp] | None = None
        count = self.rows
        if ready is not None:
            self._at = ready.nonzero()[0]
            count = len(self._at)
            columns = {name: column[ready] for name, column in columns.items()}
        self._columns = columns
        self._scores = self._predicted(count)
        lane.bars += self.rows
        # A visited step counts itself; here belong the steps that need no visit.
        lane.steps += len(self._scores)
        self.touch = self.change = self.rows
        """The next row at which an order may be touched or the decision changes; past the end for none."""
        self.touch_ts: Nanos = NEVER
        self.change_ts: Nanos = NEVER
        """The moments of those rows."""
        self._find_change(0, 0)

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
        """Do what the row demands at which the decision changes, and find where it changes next."""
        row, lane = self.change, self.lane
        index = row if self._at is None else int(self._at.searchsorted(row))
        ts = self._known.item(row)
        if self._flat and row in self._flat:
            self._remember(index - 1)
            lane.flatten(ts, self._flat[row])
            self._find_change(index, row + 1)
            return
        lane.steps -= 1
        lane.publish_features(Features(ts, lane.symbol, self._values(index)))
        self._find_change(index + 1, row + 1)

    def finish(self) -> None:
        """Leave with the lane what a step of the next stretch may look back on."""
        if self.lane.watch is not None:
            self._remember(len(self._scores) - 1)

    def _remember(self, index: int) -> None:
        """The features in force are those of the last step, visited or not."""
        if index >= 0:
            self.lane.features = self._values(index)

    def _values(self, index: int) -> dict[str, float]:
        values = {name: column.item(index) for name, column in self._columns.items()}
        if self._is_patchy:
            # Only what is allowed to be missing is NaN where a step is taken.
            return {name: value for name, value in values.items() if not isnan(value)}
        return values

    def _find_change(self, index: int, row: int) -> None:
        lane, count = self.lane, len(self._scores)
        if index < count:
            if lane.next_change is not None and not self._is_patchy:
                index = lane.next_change(self._scores, self._columns, lane.held, index)
            else:
                index = self._scan(index)
        self.change = self.rows
        if index < count:
            self.change = index if self._at is None else int(self._at[index])
        if self._flat and lane.held.direction:
            self.change = min(self.change, next((flat for flat in self._flat if flat >= row), self.rows))
        self.change_ts = self._known.item(self.change) if self.change < self.rows else NEVER

    def _scan(self, start: int) -> int:
        lane = self.lane
        for index in range(start, len(self._scores)):
            row = index if self._at is None else int(self._at[index])
            score = Score(self._known.item(row), lane.symbol, self._scores.item(index))
            if not lane.parts.decision.decide(score, self._values(index), lane.held).same_as(lane.held):
                return index
        return len(self._scores)

    def _predicted(self, count: int) -> Column:
        model, columns = self.lane.parts.model, self._columns
        if not columns:
            # A model that reads nothing always says the same.
            scores = np.full(count, model.predict({}))
        elif isinstance(model, BlockModel) and not self._is_patchy:
            scores = model.predict_many(columns)
        else:
            scores = np.array(
                [model.predict(self._values(index)) for index in range(count)], dtype=np.float64
            )
        # min and max carry NaN along, so that this is also false for NaN.
        if len(scores) and not (scores.min() >= -1.0 and scores.max() <= 1.0):
            raise ContractBroken(
                f"{model!r} scored outside of -1 to 1: from {scores.min()} to {scores.max()}"
            )
        return scores


class BlockRunner:
    """Runs an engine over stretches of time instead of bar by bar."""

    def __init__(self, engine: Engine, venue: MatchingEngine) -> None:
        self._engine = engine
        self._venue = venue

    def run(self, epoch: Mapping[str, BarBlock], end: Nanos) -> None:
        """Run over the bars of every symbol up to `end`, the last moment of this stretch."""
        engine, clock, venue = self._engine, self._engine.clock, self._venue
        lanes = [lane for lane in engine.lanes if lane.symbol in epoch]
        beside = {lane.symbol: self._beside(lane, epoch) for lane in lanes}
        look_ahead(lanes, epoch, beside)
        stretches = [Stretch(lane, epoch[lane.symbol], beside[lane.symbol]) for lane in lanes]
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
        for stretch in stretches:
            stretch.finish()
        for symbol, block in epoch.items():
            engine.handlers[symbol].push_many(block)

    def _sample(self, stretches: list[Stretch], until: Nanos) -> None:
        """Take the samples of the account that are due before `until`, each at the marks of its moment."""
        sampler = self._engine.sampler
        while sampler.next < until:
            for stretch in stretches:
                stretch.advance(sampler.next)
            sampler.take()

    def _beside(self, lane: Lane, epoch: Mapping[str, BarBlock]) -> dict[str, BarBlock]:
        """Of every other symbol the lane reads, its last known bar at each row of the lane's own."""
        handlers, block = self._engine.handlers, epoch[lane.symbol]
        return {
            symbol: as_of(block, handlers[symbol].last, epoch.get(symbol))
            for symbol in lane.parts.extractor.others
        }

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
