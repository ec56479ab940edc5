"""Which executor a run gets, and what it says about it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.fastest import fastest_trainer
from autotune.objectives.training.fused import gpu_slots
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.gpu_slots import GpuProbe, probe_step
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.probing import Probe, probe_cpu
from autotune.search.executors import choosing
from autotune.search.executors.choosing import Workload, make_executor, workers_worth
from autotune.search.executors.executor import Executor
from autotune.search.executors.inline import InlineExecutor
from autotune.search.executors.placement import ExecutorName, Placement
from autotune.search.executors.places import Place, check_placement
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import Diverged, InputError

GB = 10**9
LONG = Probe(alone=0.10, together=0.10, memory=GB)
"""A small model: a second thread wins nothing."""
SMALL = GpuProbe(trial=GB // 2, free=100 * GB)
FLAT = dict.fromkeys(range(65), 10.0)
"""A step takes as long for many as for one."""
ANYWHERE = Placement()
NO_LOOK = "training one trial at a time: could not measure the time of a step (none left)"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory as told here, and a GPU without any: there is none to probe."""

    def no_memory(*_: object) -> GpuProbe:
        raise torch.OutOfMemoryError("none left")

    monkeypatch.setattr(choosing, "free_memory", lambda: 100 * GB)
    monkeypatch.setattr(choosing, "probe_gpu", no_memory)


def test_one_process_is_not_several() -> None:
    with pytest.raises(InputError, match="--devices: 'cpu:2' means several processes, and --executor inline"):
        check_placement("cpu:2", "auto", ExecutorName.INLINE, None, None)
    assert check_placement("cpu:1", "auto", ExecutorName.INLINE, None, None).devices == "cpu:1"


@pytest.fixture
def prepared(recipe: Recipe) -> PreparedObjective:
    return prepare_study(recipe.file, recipe.base)


@pytest.fixture
def choose(
    recipe: Recipe, prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Executor, list[str]]]:
    """The executor of a run on a machine of four cores and so many GPUs, and what was said. Nothing is started."""

    def made(
        placement: Placement = ANYWHERE,
        *,
        left: int = 1000,
        planned: int | None = None,
        threads: int | None = None,
        probe: Probe | Exception = LONG,
        count: int = 0,
    ) -> tuple[Executor, list[str]]:
        def probed(*_: object) -> Probe:
            if isinstance(probe, Exception):
                raise probe
            return probe

        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr("autotune.search.executors.places.core_count", lambda: 4)
        monkeypatch.setattr(choosing, "probe_cpu", probed)
        notes: list[str] = []
        given = replace(recipe, slots=placement.slots or 1)
        work = Workload(left, left if planned is None else planned, threads)
        return make_executor(placement, given, prepared, work, notes.append), notes

    return made


Choose = Callable[..., tuple[Executor, list[str]]]


@pytest.mark.parametrize(
    ("probe", "most", "left", "expected"),
    [
        (LONG, 4, 60, 4),
        (LONG, 2, 60, 2),
        (replace(LONG, together=0.05), 2, 600, 1),  # both cores do for one trial what they would do for two
        (replace(LONG, together=0.07), 2, 600, 2),
        (replace(LONG, together=0.05), 4, 600, 4),
        (replace(LONG, memory=60 * GB), 4, 60, 1),
        (replace(LONG, memory=40 * GB), 4, 60, 2),
        (replace(LONG, memory=0), 4, 60, 4),  # a system that does not tell
        (LONG, 2, 2, 1),
        (Probe(0.0, 0.0, GB), 4, 60, 1),
    ],
)
def test_workers_are_hired_where_they_are_worth_it(probe: Probe, most: int, left: int, expected: int):
    """A trial of 100 steps; a process takes 15 s to start and must save as much again."""
    assert workers_worth(probe, most, Workload(left, left), 100)[0] == expected


def test_unknown_memory_forbids_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choosing, "free_memory", lambda: None)
    assert workers_worth(LONG, 4, Workload(60, 60), 100)[0] == 4


def test_the_choice_is_said_with_its_reason():
    said = [
        workers_worth(probe, 4, Workload(left, 60), 100)[2]
        for probe, left in [
            (LONG, 60),
            (replace(LONG, together=0.05), 600),
            (replace(LONG, memory=60 * GB), 60),
            (LONG, 1),
            (replace(LONG, alone=0.001, together=0.001), 60),
        ]
    ]
    assert said == [
        "training in 4 processes of one thread each: a step takes 100 ms with one thread, 100 ms with all",
        "training in 4 processes of one thread each: a step takes 100 ms with one thread, 50 ms with all",
        "training in this process: not enough memory for a second process of 60.0 GB",
        "training in this process with one thread, as all trials of this study: what is left is too short for more",
        "training in this process: the trials are too few and too short for more",
    ]


def test_a_trial_s_steps_are_those_of_all_folds(recipe: Recipe, prepared: PreparedObjective):
    training = recipe.file.training
    assert replace(prepared, folds=[prepared] * 3).rungs(training)[-1] == 3 * prepared.rungs(training)[-1]


def test_a_long_study_gets_a_process_a_core(choose: Choose):
    executor, notes = choose()
    assert isinstance(executor, ProcessExecutor)
    assert executor.capacity == 4
    assert len(notes) == 1
    assert notes[0].startswith("training in 4 processes of one thread each")


def test_a_short_study_stays_in_this_process(choose: Choose):
    executor, notes = choose(probe=replace(LONG, alone=1e-4, together=1e-4))
    assert isinstance(executor, InlineExecutor)
    assert notes == ["training in this process: the trials are too few and too short for more"]
    assert executor.threads == torch.get_num_threads()


@pytest.mark.parametrize("left", [1, 2, 200, 1000])
def test_all_parts_of_a_study_train_with_as_many_threads(choose: Choose, left: int):
    """Another number of threads rounds otherwise, and the same configuration comes to another value."""
    executor, notes = choose(left=left, planned=1000)
    assert executor.threads == 1
    assert isinstance(executor, ProcessExecutor if left > 2 else InlineExecutor)
    assert ("with one thread, as all trials of this study" in notes[0]) == (left <= 2)


@pytest.mark.parametrize("left", [1, 2, 1000])
def test_later_runs_train_with_the_threads_of_the_first(choose: Choose, left: int):
    executor, notes = choose(left=left, threads=3, probe=AssertionError("nobody needs a probe"))
    assert isinstance(executor, InlineExecutor)
    assert executor.threads == 3
    assert notes == ["training in this process with 3 threads, as the trials before"]
    assert choose(left=left, planned=left, threads=1)[0].threads == 1
    assert choose(Placement("cpu", executor=ExecutorName.INLINE), threads=3)[0].threads == 3


def test_workers_that_were_asked_for_round_otherwise_and_that_is_said(choose: Choose):
    executor, notes = choose(Placement("cpu:2"), threads=3)
    assert executor.threads == 1
    assert notes == [
        "earlier trials trained with 3 threads, these with one: rounding can change a result as much as another seed"
    ]
    assert choose(Placement("cpu:2"), threads=1)[1] == []


def test_threads_are_given_back(choose: Choose):
    usual = torch.get_num_threads()
    executor, _ = choose(threads=usual + 2)
    with executor:
        assert torch.get_num_threads() == usual + 2
    assert torch.get_num_threads() == usual


def test_on_a_gpu_threads_are_left_alone(choose: Choose):
    assert choose(Placement(slots=1), count=1, threads=3)[0].threads is None


@pytest.mark.parametrize(("left", "capacity"), [(2, 2), (3, 3), (9, 4)])
def test_no_more_workers_than_trials(choose: Choose, left: int, capacity: int):
    executor, _ = choose(left=left, probe=Probe(100.0, 100.0, GB))
    assert executor.capacity == capacity


@pytest.mark.parametrize("left", [0, 1])
def test_a_single_trial_needs_no_look(choose: Choose, left: int):
    executor, notes = choose(left=left)
    assert isinstance(executor, InlineExecutor)
    assert notes == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Diverged("nan"), "nan"),
        (torch.OutOfMemoryError("full\nand more"), "full"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("bug"), "bug"),
    ],
)
def test_a_probe_that_fails_says_why_one_process_trains(choose: Choose, error: Exception, reason: str):
    executor, notes = choose(probe=error)
    assert isinstance(executor, InlineExecutor)
    assert notes == [f"training in this process: timing a step failed ({reason})"]


def test_so_many_workers_as_asked_for(choose: Choose):
    executor, _ = choose(Placement("cpu:3"), probe=AssertionError("nobody needs a probe"))
    assert isinstance(executor, ProcessExecutor)
    assert executor.capacity == 3


@pytest.mark.parametrize(
    ("devices", "count", "kind", "said"),
    [
        ("auto", 1, InlineExecutor, "training on GPU 0"),
        ("auto", 3, ProcessExecutor, "training on GPU 0, GPU 1, GPU 2"),
        ("2,0", 3, ProcessExecutor, "training on GPU 2, GPU 0"),
    ],
)
def test_gpus(
    choose: Choose, monkeypatch: pytest.MonkeyPatch, devices: str, count: int, kind: type[Executor], said: str
):
    monkeypatch.setattr(Place, "device", torch.device("cpu"))
    executor, notes = choose(Placement(devices), count=count)
    assert isinstance(executor, kind)
    assert notes == [said, NO_LOOK]


def test_one_slice_that_this_process_cannot_reach_gets_a_process(
    recipe: Recipe, prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
):
    """Of several MIG slices CUDA shows a process the first only."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-one,MIG-two")
    executor = make_executor(Placement("1"), recipe, prepared, Workload(9, 9), print)
    assert isinstance(executor, ProcessExecutor)


def test_slots_multiply(choose: Choose):
    assert choose(Placement("cpu:2", slots=3))[0].capacity == 6
    assert choose(Placement("cpu", slots=3, executor=ExecutorName.INLINE))[0].capacity == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("probe", "left", "steps", "slots"),
    [
        (SMALL, 1000, FLAT, 64),
        (SMALL, 40, FLAT, 10),
        (GpuProbe(trial=10 * GB, free=100 * GB), 1000, FLAT, 6),
        (GpuProbe(trial=10 * GB, free=10 * GB), 1000, FLAT, 1),
        (SMALL, 3, FLAT, 1),
        (SMALL, 1000, {64: 64, 32: 40, 16: 20, 8: 20}, 64),  # 1.25 times the speed of 32
        (SMALL, 1000, {64: 64, 32: 36, 16: 30}, 32),  # 64 trials have 1.12 times their speed
        (SMALL, 1000, {64: math.inf, 32: 32, 16: 31}, 32),  # more than memory has room for
        (SMALL, 1000, {2**n: 2**n for n in range(7)}, 1),  # busy with one
    ],
)
def test_a_gpu_gets_the_slots_that_are_worth_it(
    choose: Choose,
    monkeypatch: pytest.MonkeyPatch,
    probe: GpuProbe,
    left: int,
    steps: Mapping[int, float],
    slots: int,
):
    """There is no GPU here: what it would take is made up (ms of a step, by slots), the choice is real."""
    monkeypatch.setattr(choosing, "probe_gpu", lambda *_: probe)
    monkeypatch.setattr(choosing, "probe_step", lambda *given: steps.get(given[-1], 1.0) / 1000)
    executor, notes = choose(Placement(), left=left, count=1)
    assert executor.capacity == slots
    what = f"training {slots} trials at once as one program" if slots > 1 else "training one trial at a time"
    assert notes[1].startswith(f"{what}: each takes {probe.trial / 1e6:.0f} MB")
    assert notes[1].endswith(f"make {1000 * slots / steps[slots]:.0f} steps a second") == (slots > 1)


@pytest.mark.slow
def test_a_step_of_several_trials_is_timed(prepared: PreparedObjective, recipe: Recipe):
    configuration = recipe.file.search_space().equal_weights()
    assert 0 < probe_step(prepared, configuration, torch.device("cpu"), 2) < 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("none left"), RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when ...")]
)
def test_a_step_that_memory_is_too_short_for_takes_for_ever(
    prepared: PreparedObjective, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def no_memory(*_: object) -> None:
        raise error

    monkeypatch.setattr(Cohort, "train", no_memory)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)  # asked, the device is well
    configuration = recipe.file.search_space().equal_weights()
    assert probe_step(prepared, configuration, torch.device("cpu"), 2) == math.inf


@pytest.mark.slow
@pytest.mark.parametrize(("taken", "fits"), [(6 * GB, True), (7 * GB, False)])
def test_a_program_that_leaves_no_room_for_longer_texts_is_too_large(
    prepared: PreparedObjective, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, taken: int, fits: bool
):
    """Trials as one program take more than as many alone, which is all that the first look sees."""
    monkeypatch.setattr(gpu_slots, "_memory", lambda _: (GB, 10 * GB))
    monkeypatch.setattr(gpu_slots, "_peak", lambda _: GB + taken)
    configuration = recipe.file.search_space().equal_weights()
    assert (probe_step(prepared, configuration, torch.device("cpu"), 2) < math.inf) == fits


def test_slots_that_are_named_are_kept(choose: Choose):
    assert choose(Placement(slots=5), count=1)[0].capacity == 5


def test_a_look_at_a_gpu_that_fails_says_why_there_is_one_slot(choose: Choose):
    executor, notes = choose(Placement(), count=1)
    assert (executor.capacity, notes) == (1, ["training on GPU 0", NO_LOOK])


def test_cuda_is_there_before_a_look_asks_it_for_its_memory(monkeypatch: pytest.MonkeyPatch):
    """The allocator knows no device before, and the look would fail wherever it comes first."""
    asked: list[str] = []
    for name in ("init", "memory_allocated", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda *_, name=name: asked.append(name) or 5)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (7, 8))
    assert gpu_slots._memory(torch.device("cuda", 0)) == (5, 7)
    assert asked[0] == "init"


def test_trials_that_cannot_be_one_program_get_one_slot(choose: Choose, recipe: Recipe, prepared: PreparedObjective):
    training = recipe.file.training.model_copy(update={"weighting": "dwa"})
    settings = prepared.settings.model_copy(update={"training": training})
    notes: list[str] = []
    choose(Placement("cpu", slots=1), count=1)  # as a machine with one GPU
    executor = make_executor(
        Placement(), recipe, replace(prepared, settings=settings), Workload(1000, 1000), notes.append
    )
    assert executor.capacity == 1
    assert notes[1].startswith("trials train one by one: weighting dwa needs")


@pytest.mark.parametrize(("device", "slots", "kind"), [("cuda", 2, FusedTrainer), ("cuda", 1, PlainTrainer)])
def test_several_trials_on_a_gpu_are_one_program(
    prepared: PreparedObjective, device: str, slots: int, kind: type[PlainTrainer]
):
    trainer = fastest_trainer(prepared, torch.device(device), slots, 1)
    assert (type(trainer), trainer.capacity) == (kind, slots)
    assert type(fastest_trainer(prepared, torch.device("cpu"), slots, 1)) is PlainTrainer
    assert type(fastest_trainer(prepared, torch.device("cpu"), slots, cores=2)) is kind


def test_inline_is_one_device(choose: Choose):
    with pytest.raises(InputError, match="--executor inline trains on one device; --executor process takes several"):
        choose(Placement("0,1", executor=ExecutorName.INLINE), count=2)
    executor, _ = choose(Placement("cpu", executor=ExecutorName.INLINE))
    assert isinstance(executor, InlineExecutor)


@pytest.mark.parametrize(
    ("slots", "expected"), [(2, (FusedTrainer, 2)), (9, (FusedTrainer, 4)), (1, (PlainTrainer, 1))]
)
def test_slots_in_this_process_are_spread_over_its_cores(
    choose: Choose, monkeypatch: pytest.MonkeyPatch, slots: int, expected: tuple[type[PlainTrainer], int]
):
    made: list[tuple[type[PlainTrainer], int]] = []

    def seen(prepared: PreparedObjective, device: torch.device, slots: int, cores: int) -> PlainTrainer:
        made.append((type(trainer := fastest_trainer(prepared, device, slots, cores)), cores))
        return trainer

    monkeypatch.setattr("autotune.search.executors.worker.fastest_trainer", seen)
    executor, _ = choose(Placement("cpu", slots=slots, executor=ExecutorName.INLINE))
    assert (made, executor.capacity) == ([expected], slots)
    assert executor.threads == (1 if slots > 1 else torch.get_num_threads())


def test_slots_take_turns_with_the_threads_of_earlier_trials(choose: Choose, monkeypatch: pytest.MonkeyPatch):
    """With one thread each they would round otherwise."""
    asked: list[int] = []

    def seen(recipe: Recipe, prepared: PreparedObjective, device: torch.device) -> PlainTrainer:
        asked.append(recipe.cores)
        return PlainTrainer(prepared, device, recipe.slots)

    monkeypatch.setattr(Recipe, "trainer", seen)
    executor, _ = choose(Placement("cpu", slots=2, executor=ExecutorName.INLINE), threads=3)
    assert (asked, executor.threads) == ([1], 3)


def test_process_is_a_worker_a_place(choose: Choose):
    executor, _ = choose(Placement("cpu", executor=ExecutorName.PROCESS), left=3)
    assert isinstance(executor, ProcessExecutor)
    assert executor.capacity == 3


@pytest.mark.parametrize(("slots", "expected"), [("auto", None), ("1", 1), ("12", 12)])
def test_slots_are_a_number_or_auto(slots: str, expected: int | None):
    assert check_placement("cpu", slots, ExecutorName.PROCESS, None, None) == Placement(
        "cpu", expected, ExecutorName.PROCESS
    )


@pytest.mark.parametrize("slots", ["0", "-1", "2.5", "many", "", "²"])
def test_other_slots_are_refused(slots: str):
    with pytest.raises(InputError, match=rf"^--slots: '{slots}' is not a number of slots; write auto, or 1 or more$"):
        check_placement("cpu", slots, ExecutorName.AUTO, None, None)


@pytest.mark.parametrize(
    ("devices", "executor", "address", "message"),
    [
        ("cpu:none", "ray", None, "--devices: 'cpu:none' names no number of workers; cpu:2 means two"),
        ("cpu:0", "ray", None, "--devices: 'cpu:0' names no number of workers; cpu:2 means two"),
        ("0,1", "ray", None, "--devices: '0,1': a Ray cluster places actors itself; write auto, cpu or cpu:N"),
        ("cpu", "process", "10.0.0.1:6379", "--address belongs to --executor ray"),
    ],
)
def test_what_does_not_go_together_is_refused(devices: str, executor: str, address: str | None, message: str):
    with pytest.raises(InputError) as found:
        check_placement(devices, "auto", ExecutorName(executor), address, None)
    assert str(found.value) == message


def test_a_real_probe_tells_times_and_memory(prepared: PreparedObjective):
    threads = torch.get_num_threads()
    probe = probe_cpu(prepared, Configuration(learning_rate=1e-3))
    assert 0 < probe.alone < 10
    assert 0 < probe.together < 10
    assert probe.memory > 50 * 10**6
    assert torch.get_num_threads() == threads
