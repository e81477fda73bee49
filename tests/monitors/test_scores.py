"""Whatever a discriminator returns, larger means more real, one score a sample."""

import pytest
import torch
from small_gan import Loop, Rows
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from gandiag import GandiagError
from gandiag.monitors.scores import Convention, logistic_convention, per_sample


def test_every_shape_becomes_one_score_a_sample():
    scores = torch.randn(6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(per_sample(scores), scores)
    assert torch.equal(per_sample(scores[:, None]), scores)
    patches = scores[:, None, None, None] + torch.tensor([[-1.0, 1.0], [2.0, -2.0]])
    assert torch.allclose(per_sample(patches), scores)
    assert torch.allclose(per_sample([scores, patches]), scores)
    assert per_sample(scores.half()).dtype == torch.float32


@pytest.mark.parametrize("probabilities", [True, False])
@pytest.mark.parametrize("flipped", [True, False])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_loss_tells_what_the_scores_are(probabilities, flipped, scale):
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.randn(64, generator=rng) + 0.5, torch.randn(64, generator=rng) - 0.5
    labels = [torch.ones(64), torch.zeros(64)]
    if flipped:
        real, fake, labels = -real, -fake, labels[::-1]
    cost = binary_cross_entropy_with_logits
    if probabilities:
        real, fake, cost = real.sigmoid(), fake.sigmoid(), binary_cross_entropy
    loss = scale * (cost(real, labels[0]) + cost(fake, labels[1]))
    assert logistic_convention(real, fake, loss) == Convention(probabilities, flipped)


def test_conventions_give_oriented_logits():
    logits = torch.linspace(-5, 5, 11)
    # Single precision keeps a probability near 1 to 6e-8, thus its logit at 5 to 1e-5.
    assert torch.allclose(Convention(True, False)(logits.sigmoid()), logits, atol=1e-4)
    assert torch.allclose(Convention(True, True)((-logits).sigmoid()), logits, atol=1e-4)
    assert torch.equal(Convention(False, True)(logits), -logits)
    assert Convention(True, False)(torch.tensor([0.0, 1.0])).isfinite().all()


def test_a_critic_of_the_other_sign_is_turned_round_and_the_report_says_so():
    loop, sink = Loop(), Rows()
    with loop.monitor(loss="wasserstein", sampler=None, real=None, heldout=None, sinks=[sink]) as m:
        real, fake = torch.arange(8.0), torch.arange(8.0) + 5
        for _ in range(40):
            loop.opt_g.step()
            m.step(d_real=real, d_fake=fake)
        assert "scores are turned round" in str(m.report())
    assert [row["auc_real_fake"] > 0.5 for _, row in sink.rows] == [False, True, True, True]


def test_a_critic_that_is_fooled_later_is_not_turned_round():
    loop, sink = Loop(), Rows()
    with loop.monitor(loss="wasserstein", sampler=None, real=None, heldout=None, sinks=[sink]) as m:
        low, high = torch.arange(8.0), torch.arange(8.0) + 5
        for i in range(80):
            loop.opt_g.step()
            m.step(*((high, low) if i < 40 else (low, high)))
        assert "turned" not in str(m.report())
    assert sink.rows[-1][1]["auc_real_fake"] < 0.5


def test_probabilities_are_noticed_and_the_report_says_so():
    loop = Loop()
    with loop.monitor() as monitor:
        for _ in range(10):
            loop.opt_g.step()
            loop.opt_d.step()
            real, fake = torch.full((9,), 0.8), torch.full((9,), 0.3)
            cost = binary_cross_entropy(real, torch.ones(9))
            cost = cost + binary_cross_entropy(fake, torch.zeros(9))
            monitor.step(real, fake, cost)
        assert "returns probabilities" in str(monitor.report())


def test_class_logits_beside_a_score_are_left_out():
    score, classes = torch.arange(4.0)[:, None], torch.full((4, 10), 99.0)
    assert per_sample((score, classes)).tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(GandiagError, match="10 numbers for each sample, not a score; give discr"):
        per_sample(classes)
    with pytest.raises(GandiagError, match="10 numbers"):
        per_sample((classes, classes))
