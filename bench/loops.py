"""Loops of one's own beside PyTorch's: steps of a cart and its pole, with what is learned from them.

``python -m bench loops [--quick] [--check]``
"""

from __future__ import annotations

import math
import random
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

import nncore
from bench import report
from bench.record import FIRST, Result, Run, machine, results_of
from bench.timing import Protocol, interleave, timed
from nncore import Adam, Dense, Sequential

PEER, USUAL = "PyTorch", "PyTorch, as in its examples"
"""A loop made as quick as PyTorch lets it be, and one as its users write it: with torch.distributions, row by row."""

STEPS = 256
"""Of the pole, in a round of either; after each, REINFORCE makes one update, and DQN has made as many."""

BATCH, HIDDEN, RATE, DISCOUNT, TAU = 64, 32, 0.003, 0.99, 0.01
LEGEND = (
    f"Steps of a pole, in float32: REINFORCE (4-{HIDDEN}-2) asks its policy at every step and makes an update from "
    f"{STEPS} of them; DQN (4-{HIDDEN}-{HIDDEN}-2) makes an update at every step, from {BATCH} that it remembers, and "
    "its target network follows. Pole and memory are the same Python for all, and a part of their time: a step of the "
    "pole takes a microsecond. PyTorch is there twice: as quick as it can be made, with a fused optimizer, memory that "
    "it shares with NumPy and probabilities by hand; and as its examples have it, which draw from torch.distributions, "
    "keep what each step needs for its gradient, and put the target network's parameters together one by one. The "
    "ratio is that of the times in the same round."
)
Row = list[float]


class Pole:
    """A pole on a cart that starts again when it has fallen, or has stood for 500 steps."""

    def __init__(self) -> None:
        self.random = random.Random(1)
        self.reset()

    def reset(self) -> None:
        self.state = [self.random.uniform(-0.05, 0.05) for _ in range(4)]
        self.steps = 0

    def step(self, action: int) -> tuple[Row, bool]:
        """Push to the right or the left; return the state after it, and whether the pole fell."""
        x, speed, angle, spin = self.state
        sin, cos = math.sin(angle), math.cos(angle)
        push = ((10.0 if action else -10.0) + 0.05 * spin * spin * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos * cos / 1.1))
        after = [
            x + 0.02 * speed,
            speed + 0.02 * (push - 0.05 * turn * cos / 1.1),
            angle + 0.02 * spin,
            spin + 0.02 * turn,
        ]
        fell = abs(after[0]) > 2.4 or abs(after[2]) > 0.2095
        self.state, self.steps = after, self.steps + 1
        if fell or self.steps >= 500:
            self.reset()
        return after, fell


def played(pole: Pole, chance: random.Random, share_of_right: Callable[[Row], float]) -> tuple[Any, Any, Any]:
    """Return the states of `STEPS` steps, the actions, and how much better than usual each went."""
    states, actions, falls = [], [], []
    for _ in range(STEPS):
        states.append(pole.state)
        actions.append(int(chance.random() < share_of_right(pole.state)))
        falls.append(pole.step(actions[-1])[1])
    return np.array(states, np.float32), np.array(actions), advantages_of(falls)


def advantages_of(falls: list[bool]) -> Any:
    """Return how much better than usual each step went, (STEPS,): discounted rewards, standardised."""
    returns, left = np.empty(STEPS, np.float32), 0.0
    for i in range(STEPS - 1, -1, -1):
        left = 1.0 if falls[i] else 1.0 + DISCOUNT * left
        returns[i] = left
    return (returns - returns.mean()) / returns.std()


class Memory:
    """What DQN has seen: states, actions, the states after them, and what the future counts."""

    def __init__(self, size: int = 10_000) -> None:
        self.states, self.after = np.zeros((size, 4), np.float32), np.zeros((size, 4), np.float32)
        self.actions, self.discounts = np.zeros(size, np.int64), np.zeros(size, np.float32)
        self.n, self.size, self.rng = 0, size, np.random.default_rng(1)

    def note(self, state: Row, action: int, after: Row, fell: bool) -> None:
        at = self.n % self.size
        self.states[at], self.after[at], self.actions[at] = state, after, action
        self.discounts[at] = 0.0 if fell else DISCOUNT
        self.n += 1

    def some(self) -> tuple[Any, Any, Any, Any]:
        rows = self.rng.integers(min(self.n, self.size), size=BATCH)
        return self.states[rows], self.after[rows], self.actions[rows], self.discounts[rows]


def own_reinforce() -> Callable[[], object]:
    """Return a round of REINFORCE with nncore."""
    policy, pole, chance = Sequential([Dense(HIDDEN, "tanh"), Dense(2, "softmax")]), Pole(), random.Random(2)
    policy.compile(Adam(RATE))
    policy.build(4)
    rows = np.arange(STEPS)

    def play() -> None:
        shares = policy.predictor()
        states, actions, advantages = played(pole, chance, lambda state: shares(state)[1])

        def slopes(y: Any) -> Any:
            dloss = np.zeros_like(y)
            dloss[rows, actions] = -advantages / y[rows, actions] / STEPS
            return dloss

        policy.apply_gradient(policy.backward(states, slopes))

    return play


def torch_reinforce() -> Callable[[], object]:
    """Return the same with PyTorch."""
    import torch

    nn = torch.nn
    policy, pole, chance = (
        nn.Sequential(nn.Linear(4, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2)),
        Pole(),
        random.Random(2),
    )
    optimizer = torch.optim.Adam(policy.parameters(), RATE, fused=True)

    row = np.empty(4, np.float32)
    shared = torch.from_numpy(row)

    def share(state: Row) -> float:
        row[:] = state
        with torch.inference_mode():
            logits = policy(shared).tolist()
        return 1 / (1 + math.exp(min(logits[0] - logits[1], 700.0)))

    def play() -> None:
        states, actions, advantages = played(pole, chance, share)
        logs = torch.log_softmax(policy(torch.from_numpy(states)), 1).gather(1, torch.from_numpy(actions)[:, None])[
            :, 0
        ]
        optimizer.zero_grad()
        (-(torch.from_numpy(advantages) * logs).mean()).backward()
        optimizer.step()

    return play


def torch_reinforce_as_usual() -> Callable[[], object]:
    """Return the same as PyTorch's users write it: every action drawn from a distribution that keeps its graph."""
    import torch

    nn = torch.nn
    policy = nn.Sequential(nn.Linear(4, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2), nn.Softmax(-1))
    optimizer, pole = torch.optim.Adam(policy.parameters(), RATE), Pole()

    def play() -> None:
        logs, falls = [], []
        for _ in range(STEPS):
            choice = torch.distributions.Categorical(policy(torch.tensor(pole.state)))
            action = choice.sample()
            logs.append(choice.log_prob(action))
            falls.append(pole.step(action.item())[1])
        optimizer.zero_grad()
        (-(torch.from_numpy(advantages_of(falls)) * torch.stack(logs)).mean()).backward()
        optimizer.step()

    return play


def own_dqn() -> Callable[[], object]:
    """Return a round of DQN with nncore."""
    rows, row, y_of = np.arange(BATCH), np.empty((1, 4), np.float32), np.empty((BATCH, 2), np.float32)

    def worth(y_true: Any, y: Any) -> tuple[Any, Any]:
        some, actions = rows[: len(y)], y_true[:, 0].astype(np.int64)
        error, dloss = y[some, actions] - y_true[:, 1], np.zeros_like(y)
        bounded = np.clip(error, -1, 1)
        dloss[some, actions] = bounded
        return bounded * (error - bounded / 2), dloss

    online, target = (Sequential([Dense(HIDDEN, "relu"), Dense(HIDDEN, "relu"), Dense(2)]) for _ in range(2))
    online.compile(Adam(RATE), loss=worth)
    online.build(4)
    target.build(4)
    learn, pole, memory = online.stepper(), Pole(), Memory()

    def play() -> None:
        for _ in range(STEPS):
            row[0] = state = pole.state
            action = int(online.predict(row).argmax())
            memory.note(state, action, *pole.step(action))
            states, after, y_of[:, 0], discounts = memory.some()
            y_of[:, 1] = 1 + discounts * target.predict(after).max(axis=1)
            learn(states, y_of)
            target.copy_weights_from(online, TAU)

    return play


def torch_dqn() -> Callable[[], object]:
    """Return the same with PyTorch."""
    import torch

    nn = torch.nn
    online, target = (
        nn.Sequential(nn.Linear(4, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))
        for _ in range(2)
    )
    optimizer, pole, memory = torch.optim.Adam(online.parameters(), RATE, fused=True), Pole(), Memory()
    followed, followers = list(online.parameters()), list(target.parameters())

    def play() -> None:
        for _ in range(STEPS):
            state = pole.state
            with torch.inference_mode():
                action = int(online(torch.tensor(state)).argmax())
            memory.note(state, action, *pole.step(action))
            states, after, actions, discounts = map(torch.from_numpy, memory.some())
            with torch.no_grad():
                value = 1 + discounts * target(after).amax(1)
            chosen = online(states).gather(1, actions[:, None])[:, 0]
            optimizer.zero_grad()
            nn.functional.smooth_l1_loss(chosen, value).backward()
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(followers, followed, TAU)

    return play


def torch_dqn_as_usual() -> Callable[[], object]:
    """Return the same as PyTorch's users write it: a memory of tensors, target parameters mixed by name."""
    import torch

    nn = torch.nn
    online, target = (
        nn.Sequential(nn.Linear(4, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))
        for _ in range(2)
    )
    optimizer, pole, chance = torch.optim.Adam(online.parameters(), RATE), Pole(), random.Random(1)
    memory: deque[tuple[Any, ...]] = deque(maxlen=10_000)

    def learn() -> None:
        states, after, actions, discounts = map(torch.stack, zip(*chance.sample(memory, BATCH), strict=True))
        with torch.no_grad():
            value = 1 + discounts * target(after).max(1).values
        loss = nn.functional.smooth_l1_loss(online(states).gather(1, actions), value[:, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mixed, learned = target.state_dict(), online.state_dict()
        for name in learned:
            mixed[name] = learned[name] * TAU + mixed[name] * (1 - TAU)
        target.load_state_dict(mixed)

    def play() -> None:
        for _ in range(STEPS):
            state = torch.tensor(pole.state)
            with torch.no_grad():
                action = online(state).argmax()
            after, fell = pole.step(action.item())
            memory.append((state, torch.tensor(after), action[None], torch.tensor(0.0 if fell else DISCOUNT)))
            if len(memory) >= BATCH:
                learn()

    return play


LOOPS: dict[str, dict[str, Callable[[], Callable[[], object]]]] = {
    "REINFORCE": {FIRST: own_reinforce, PEER: torch_reinforce, USUAL: torch_reinforce_as_usual},
    "DQN": {FIRST: own_dqn, PEER: torch_dqn, USUAL: torch_dqn_as_usual},
}
"""What makes a round of each, by contender."""


def run(protocol: Protocol) -> Run:
    """Time both loops, of nncore and of PyTorch where it is installed, in turn and with one thread."""
    nncore.set_num_threads(1)
    contenders, versions = [FIRST], {}
    try:
        import torch

        torch.set_num_threads(1)
        contenders, versions = [FIRST, PEER, USUAL], {PEER: torch.__version__}
    except ModuleNotFoundError:
        print("PyTorch is not installed", file=sys.stderr)
    results: list[Result] = []
    for name, loop in LOOPS.items():
        print(f"loop of {name}", file=sys.stderr, flush=True)
        timings = interleave({who: timed(loop[who]()) for who in contenders}, protocol)
        results += results_of(name, "steps", timings, 1)
    return Run("loops", machine(**versions), protocol, results)


def ratios(run: Run) -> dict[str, float]:
    """Return PyTorch's times over ours, by name: "steps of a pole, REINFORCE, 1 thread", and as in its examples."""
    kinds = {PEER: "steps of a pole", USUAL: "steps of a pole as in examples"}
    return {
        f"{kinds[result.contender]}, {result.case}, {report.in_threads(result.threads)}": result.timing.ratio.median
        for result in run.results
        if result.contender in kinds
    }


def markdown(run: Run) -> str:
    """Return a table: steps per second of each."""
    table = [["loop", "by", "steps per second", "time beside nncore's"]]
    for result in run.results:
        per_second = STEPS / result.timing.seconds.median
        table.append([result.case, result.contender, f"{per_second:,.0f}", report.factor_spread(result)])
    return "\n\n".join([*report.introduction(run), LEGEND, report.aligned(table)]) + "\n"
