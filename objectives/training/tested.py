"""A configuration evaluated once on the test data, trained as in production."""

from dataclasses import replace

from .production import Manner, train_production
from .trainer import Evaluation
from .whole import WholeRun


class TestedRun(WholeRun):
    """Trains one configuration to its end and measures its best weights on the test data: its only evaluation.

    The best weights are those of the best evaluation on validation data. Under cross-validation nothing is held out
    to choose by, so all training rows are trained on and the last weights count.
    """

    __test__ = False  # it is no class of tests

    @property
    def finished(self) -> bool:
        return self.step > 0

    def advance(self) -> Evaluation:
        """As of every run; ValueError: there is no test data."""
        if self._prepared.test is None:
            raise ValueError("there is no test data")
        trained = train_production(
            replace(self._prepared, folds=()),
            self.configuration,
            self._device,
            lambda *_: None,
            keep_best=not self._prepared.folds,
            manner=Manner(parts=self._parts),
        )
        self.step = trained.step
        return Evaluation(self.trial_id, self.step, trained.test, finished=True, seconds=trained.seconds)
