"""Train the classifiers that ship with the package, and print how well they do.

    python -m benchmarks.classifiers digits fashion-mnist

Each is trained on the split ``train`` of `reference_models.data`, and tested on ``reference``:
Fashion-MNIST's test set, a fifth of scikit-learn's digits. Weights are kept in float16, and tested
as they are kept. It takes a few minutes on one core.
"""

import argparse
import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

import gandiag.extractors
from gandiag.extractors.small_classifiers import SHIPPED, SmallNet
from gandiag.files import atomic_write
from reference_models.data import open_data
from reference_models.data.images import Images

FOLDER = Path(gandiag.extractors.__file__).parent / "classifiers"
HIDDEN = {"digits": 64, "fashion-mnist": 128}
EPOCHS = {"digits": 100, "fashion-mnist": 5}
BATCH = 128


def train(name: str, data: Images) -> SmallNet:
    """Adam under a one-cycle schedule, on images moved by a pixel; clothes also mirrored."""
    side = data.shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallNet(side, HIDDEN[name], len(data.classes))
    rng = torch.Generator().manual_seed(0)
    steps = EPOCHS[name] * len(data.pools["train"].rows) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        x, y = data.batch(step * BATCH, BATCH, seed=0)
        x = moved(x, rng, mirror=name == "fashion-mnist")
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x)["logits"], y, label_smoothing=0.05).backward()
        optimizer.step()
        schedule.step()
        if step % 400 == 0:
            print(f"{name}: step {step} of {steps}", flush=True)
    return network.eval()


def moved(x: Tensor, rng: torch.Generator, mirror: bool) -> Tensor:
    """(n, 1, h, w) in [-1, 1] => each moved by at most one pixel, at random."""
    n, _, height, width = x.shape
    padded = nn.functional.pad(x, (1, 1, 1, 1), value=-1)
    down, right = torch.randint(3, (2, n), generator=rng)
    rows = (down[:, None] + torch.arange(height))[:, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None]
    x = padded[torch.arange(n)[:, None, None], 0, rows, columns][:, None]
    if mirror:
        flip = torch.rand(n, 1, 1, 1, generator=rng) < 0.5
        x = torch.where(flip, x.flip(3), x)
    return x


def main() -> None:
    """Train, test and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*SHIPPED, []], help="all by default")
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in parser.parse_args().names or SHIPPED:
        data = open_data(name)
        assert isinstance(data, Images)
        network = train(name, data)
        state = {key: tensor.half() for key, tensor in network.state_dict().items()}
        network.load_state_dict({key: tensor.float() for key, tensor in state.items()})
        test = data.split("reference")
        with torch.no_grad():
            found = torch.cat([network(part)["logits"].argmax(1) for part in test.x.split(500)])
        correct = int((found == test.y).sum())
        facts = {
            "accuracy": f"{correct / len(found):.6f}",
            "tested on": f"{len(found):,} held-out images of {name}",
            "trained on": f"{len(data.pools['train'].rows):,} images of {name}, split train",
            "command": f"python -m benchmarks.classifiers {name}",
            "classes": json.dumps(data.classes),
            "side": str(data.shape[1]),
            "hidden": str(HIDDEN[name]),
            "digest": hashlib.sha256(safetensors.torch.save(state)).hexdigest(),
        }
        path = FOLDER / f"{name}.safetensors"
        with atomic_write(path) as file:
            file.write(safetensors.torch.save(state, facts))
        print(f"{name}: {100 * correct / len(found):.2f} % of {facts['tested on']}", end="; ")
        print(f"{path.stat().st_size / 1024:.0f} KiB", flush=True)


if __name__ == "__main__":
    main()
