"""GAN-train and GAN-test, on handwritten digits and where theory gives the value."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gandiag.errors import GandiagError
from gandiag.metrics import ClassificationAccuracy, Known, Unfit, classification_accuracies
from gandiag.metrics.classification_accuracy import STEPS, _classifier, _halves
from gandiag.metrics.intervals import wilson
from gandiag.statistics import Bank


@pytest.fixture(scope="module")
def digits():
    """900 real and 897 other digits: rows, labels, rows, labels."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(5).permutation(len(x))
    x, y = torch.tensor(x[order]), [str(label) for label in y[order]]
    return x[:900], y[:900], x[900:], y[900:]


def accuracies(real, labels, generated, asked, **more):
    return classification_accuracies(
        real=real, real_labels=labels, generated=generated, generated_labels=asked, **more
    )


def deviation(share, n):
    return (share * (1 - share) / n) ** 0.5


def test_real_digits_for_generated_ones_come_to_the_ceiling(digits):
    found = accuracies(*digits)
    assert (found.n_trained, found.n_real, found.n_generated) == (450, 450, 897)
    assert found.converged
    # What a linear classifier of this size has on digits: 94 % to 97 % over seeds.
    assert 0.92 < found.ceiling < 0.99
    # Two accuracies of that size on 450 each: five standard errors of their difference.
    far = 5 * 2**0.5 * deviation(found.ceiling, 450)
    assert found.train == pytest.approx(found.ceiling, abs=far)
    assert found.test == pytest.approx(found.ceiling, abs=far)


def test_labels_by_chance_are_as_good_as_chance(digits):
    real, labels, generated, asked = digits
    order = np.random.default_rng(1).permutation(len(asked))
    found = accuracies(real, labels, generated, [asked[i] for i in order])
    # Of ten classes about alike; five standard errors.
    assert found.test == pytest.approx(0.1, abs=5 * deviation(0.1, 897))
    # Errors of one classifier go together, so that GAN-train spreads more.
    assert found.train < 0.25
    assert found.ceiling == accuracies(*digits).ceiling


@pytest.mark.parametrize("lost", [1, 3])
def test_each_class_that_is_lost_costs_gan_train_its_share(digits, lost):
    real, labels, generated, asked = digits
    kept = [i for i, label in enumerate(asked) if int(label) >= lost]
    found = accuracies(real, labels, generated[kept], [asked[i] for i in kept])
    whole = accuracies(*digits)
    share = sum(int(label) < lost for label in labels) / len(labels)
    assert found.train == pytest.approx(whole.train * (1 - share), abs=0.03)
    # The samples that are left look like their class as ever: the same are wrong.
    wrong = sum(n for key, n in whole.confused.items() if int(key.split()[1][0]) >= lost)
    assert found.test == pytest.approx(1 - wrong / len(kept), rel=1e-12)


def test_one_image_a_class_passes_gan_test_and_not_gan_train(digits):
    real, labels, generated, asked = digits
    first = [asked.index(str(c)) for c in range(10) for _ in range(45)]
    found = accuracies(real, labels, generated[first], [asked[i] for i in first])
    assert found.test >= 0.8
    assert found.train < 0.75 < found.ceiling


def test_a_repeated_training_set_passes_both(digits):
    real, labels, _, _ = digits
    found = accuracies(real, labels, real, labels)
    # It has seen some of what GAN-train is evaluated on.
    assert found.train >= found.ceiling - 0.01
    assert found.test > found.ceiling


def test_classes_far_apart_are_told_apart_always_and_others_as_bayes_would():
    """Two unit Gaussians at distance 2: the best accuracy is Phi(1) = 84.13 %."""

    def draw(n, seed, apart):
        generator = torch.Generator().manual_seed(seed)
        y = torch.arange(n) % 2
        x = torch.randn(n, 3, generator=generator)
        x[:, 0] += apart * y
        return x, [str(c) for c in y.tolist()]

    found = accuracies(*draw(400, 0, 50.0), *draw(300, 1, 50.0))
    assert (found.train, found.test, found.ceiling) == (1.0, 1.0, 1.0)
    assert dict(found.confused) == {}
    found = accuracies(*draw(8000, 2, 2.0), *draw(4000, 3, 2.0))
    # Five standard errors of 4,000 Bernoulli draws.
    for share in (found.train, found.test, found.ceiling):
        assert share == pytest.approx(0.8413, abs=5 * 0.0058)


def test_a_slow_twin_gives_the_same(digits):
    """The penalized likelihood itself, minimized step by step."""
    real, labels, _, _ = digits
    x, y = real[:120].numpy(), np.array([int(label) for label in labels[:120]])
    classify, converged = _classifier(x, y, 10.0)
    deviation = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    z = np.hstack([(x - x.mean(axis=0)) / deviation, np.ones((120, 1))])
    truth = np.eye(10)[y]
    weights = np.zeros((z.shape[1], 10))
    penalty = np.array([10.0] * x.shape[1] + [0.0])[:, None]
    # The loss is curved by the largest eigenvalue at most, so that such steps never rise.
    step = 1 / (np.linalg.eigvalsh(z.T @ z).max() / 2 + 10.0)
    for _ in range(4000):
        odds = np.exp(z @ weights)
        shares = odds / odds.sum(axis=1, keepdims=True)
        weights -= step * (z.T @ (shares - truth) + penalty * weights)
    assert converged
    # On rows that neither was fitted to; a tolerance may turn one that lies between two classes.
    others = real[120:].numpy()
    rows = np.hstack([(others - x.mean(axis=0)) / deviation, np.ones((len(others), 1))])
    assert ((rows @ weights).argmax(axis=1) == classify(others)).mean() > 0.995


def test_halves_hold_half_of_each_class(digits):
    real, labels, _, _ = digits
    classes = np.array([int(label) for label in labels])
    first, second = _halves(real.numpy(), classes, 0)
    assert sorted([*first, *second]) == list(range(900))
    counts = [np.bincount(classes[half], minlength=10) for half in (first, second)]
    assert abs(counts[0] - counts[1]).max() <= 1
    other, _ = _halves(real.numpy(), classes, 1)
    assert set(other) != set(first)


def test_the_order_of_images_moves_nothing(digits):
    real, labels, generated, asked = digits
    p, q = (np.random.default_rng(seed).permutation(n) for seed, n in ((2, 900), (3, 897)))
    mixed = accuracies(real[p], [labels[i] for i in p], generated[q], [asked[i] for i in q])
    assert mixed == accuracies(*digits)


def test_equal_images_of_two_classes_stand_by_class():
    x = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [2.0], [2.0]])
    labels = list("abbabbab")
    order = [7, 2, 5, 0, 3, 6, 1, 4]
    mixed = accuracies(x[order], [labels[i] for i in order], x, labels)
    assert mixed == accuracies(x, labels, x, labels)


def banks(digits):
    real, labels, generated, asked = digits
    return Bank.of(real).labelled(labels), Bank.of(generated).labelled(asked)


def test_the_metric_has_intervals_and_the_ceiling_beside(digits):
    real, generated = banks(digits)
    scores = ClassificationAccuracy()(real=real, generated=generated)
    # In float32 as the bank keeps it; pixels are whole numbers.
    found = accuracies(*digits)
    assert list(scores) == ["gan_train", "gan_test"]
    assert (scores["gan_train"].value, scores["gan_test"].value) == (found.train, found.test)
    for score in scores.values():
        assert score.low < score.value < score.high
        assert score.extra["ceiling"] == found.ceiling
        assert "the classifier fixed" in score.method
    assert "450 evaluated" in scores["gan_train"].method
    wrong = sum(n for key, n in scores["gan_test"].extra.items() if key.startswith("asked"))
    assert wrong == 897 - round(897 * found.test)


def told(real, generated):
    (remark,) = ClassificationAccuracy().remarks(real=real, generated=generated)
    return remark


def test_without_labels_there_is_no_score_and_it_is_said(digits):
    real, generated = banks(digits)
    plain = generated.labelled(None)
    assert ClassificationAccuracy()(real=real, generated=plain) == {}
    code, sentence = told(real, plain)
    assert code == "no-classes"
    assert "the generated images have no labels; put each class in a sub-folder" in sentence
    strange = generated.labelled(["cat"] * 897)
    assert ClassificationAccuracy()(real=real, generated=strange) == {}
    assert (
        "(cat) are none of the real ones (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)" in told(real, strange)[1]
    )
    one = real.labelled(["cat"] * 900)
    assert ClassificationAccuracy()(real=one, generated=strange) == {}
    assert "all real images are of class cat" in told(one, strange)[1]


def test_classes_of_one_set_alone_are_told(digits):
    real, labels, generated, asked = digits
    whole = Bank.of(real).labelled(labels)
    renamed = ["ten" if label == "9" else label for label in asked]
    strange = Bank.of(generated).labelled(renamed)
    sentences = [s for _, s in ClassificationAccuracy().remarks(real=whole, generated=strange)]
    assert sentences[0].startswith("no generated image is of class 9: gan_train counts")
    assert sentences[1].startswith("no real image is of class ten: cas leaves out")
    kept = [i for i, label in enumerate(asked) if label != "9"]
    less = Bank.of(generated[kept]).labelled([asked[i] for i in kept])
    metric = ClassificationAccuracy()
    assert metric(real=whole, generated=strange) == metric(real=whole, generated=less)


def test_what_it_refuses(digits):
    real, labels, generated, asked = digits
    with pytest.raises(GandiagError, match="900 rows and 899 labels"):
        accuracies(real, labels[1:], generated, asked)
    with pytest.raises(GandiagError, match="share no class"):
        accuracies(real, labels, generated, ["x"] * 897)
    with pytest.raises(GandiagError, match="penalty above 0, got 0"):
        ClassificationAccuracy(penalty=0.0)
    with pytest.raises(Unfit, match="needs real points with labels"):
        ClassificationAccuracy().on(Known("identity:2", {"values": 2}, "values", points=True))


def test_a_fit_that_does_not_end_is_told(digits, monkeypatch):
    assert STEPS > 100
    monkeypatch.setattr("gandiag.metrics.classification_accuracy.STEPS", 2)
    real, generated = banks(digits)
    scores = ClassificationAccuracy()(real=real, generated=generated)
    assert "a fit had not converged after 2 steps" in scores["gan_train"].method


def test_the_interval_covers_the_classifier_that_was_trained():
    """Accuracy of each fitted classifier on 5,000 other rows, against the interval from 150.

    Of 100 runs 95 should cover; 88 to 100 do in all but one of a hundred repetitions.
    """
    generator = torch.Generator().manual_seed(0)
    means = 1.2 * torch.randn(4, 5, generator=generator)

    def draw(n):
        y = torch.randint(4, (n,), generator=generator)
        return means[y] + torch.randn(n, 5, generator=generator), y

    many, truth = draw(5_000)
    covered = 0
    for _ in range(100):
        (x, y), (z, t) = draw(150), draw(150)
        classify, _ = _classifier(x.double().numpy(), y.numpy(), 1.0)
        true = float((classify(many.double().numpy()) == truth.numpy()).mean())
        share = float((classify(z.double().numpy()) == t.numpy()).mean())
        low, high = wilson(share, 150)
        covered += low <= true <= high
    assert covered >= 88
