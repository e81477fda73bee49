"""The literature that cards name, each paper once."""

from typing import NamedTuple


class Paper(NamedTuple):
    """Where something was published."""

    authors: str
    year: int
    title: str
    where: str

    def __str__(self) -> str:
        end = "" if self.title.endswith("?") else "."
        return f"{self.authors} {self.year}, {self.title}{end} {self.where}"


ALAA = Paper(
    "Alaa et al.",
    2022,
    "How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing "
    "Generative Models",
    "ICML, arXiv:2102.08921",
)
ARJOVSKY = Paper("Arjovsky, Chintala & Bottou", 2017, "Wasserstein GAN", "ICML, arXiv:1701.07875")
ARORA = Paper(
    "Arora, Risteski & Zhang",
    2018,
    "Do GANs learn the distribution? Some Theory and Empirics",
    "ICLR",
)
BAI = Paper(
    "Bai et al.",
    2021,
    "On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a "
    "Large-scale Competition",
    "KDD, arXiv:2106.03062",
)
BARRATT = Paper("Barratt & Sharma", 2018, "A Note on the Inception Score", "arXiv:1801.01973")
BINKOWSKI = Paper("Bińkowski et al.", 2018, "Demystifying MMD GANs", "ICLR, arXiv:1801.01401")
BONNEEL = Paper(
    "Bonneel et al.", 2015, "Sliced and Radon Wasserstein Barycenters of Measures", "JMIV"
)
CHONG = Paper(
    "Chong & Forsyth",
    2020,
    "Effectively Unbiased FID and Inception Score and where to find them",
    "CVPR, arXiv:1911.07023",
)
DESHPANDE = Paper(
    "Deshpande et al.",
    2019,
    "Max-Sliced Wasserstein Distance and its use for GANs",
    "CVPR, arXiv:1904.05877",
)
FEYDY = Paper(
    "Feydy et al.",
    2019,
    "Interpolating between Optimal Transport and MMD using Sinkhorn Divergences",
    "AISTATS, arXiv:1810.08278",
)
FRIEDMAN = Paper(
    "Friedman & Dieng",
    2023,
    "The Vendi Score: A Diversity Evaluation Metric for Machine Learning",
    "TMLR, arXiv:2210.02410",
)
GENEVAY = Paper(
    "Genevay et al.", 2019, "Sample Complexity of Sinkhorn Divergences", "AISTATS, arXiv:1810.02733"
)
GRETTON = Paper("Gretton et al.", 2012, "A Kernel Two-Sample Test", "JMLR 13")
GULRAJANI = Paper(
    "Gulrajani et al.", 2017, "Improved Training of Wasserstein GANs", "NeurIPS, arXiv:1704.00028"
)
HAN = Paper(
    "Han et al.",
    2023,
    "Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized Images",
    "ICLR, arXiv:2206.08549",
)
HEUSEL = Paper(
    "Heusel et al.",
    2017,
    "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    "NeurIPS, arXiv:1706.08500",
)
JALALI = Paper(
    "Jalali, Li & Farnia",
    2023,
    "An Information-Theoretic Evaluation of Generative Models in Learning Multi-modal "
    "Distributions",
    "NeurIPS",
)
JAYASUMANA = Paper(
    "Jayasumana et al.",
    2024,
    "Rethinking FID: Towards a Better Evaluation Metric for Image Generation",
    "CVPR, arXiv:2401.09603",
)
JIRALERSPONG = Paper(
    "Jiralerspong et al.",
    2023,
    "Feature Likelihood Divergence: Evaluating the Generalization of Generative Models Using "
    "Samples",
    "NeurIPS, arXiv:2302.04440",
)
KARRAS = Paper(
    "Karras et al.",
    2018,
    "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    "ICLR, arXiv:1710.10196",
)
KYNKAANNIEMI = Paper(
    "Kynkäänniemi et al.",
    2019,
    "Improved Precision and Recall Metric for Assessing Generative Models",
    "NeurIPS, arXiv:1904.06991",
)
LIN = Paper(
    "Lin et al.",
    2018,
    "PacGAN: The power of two samples in generative adversarial networks",
    "NeurIPS, arXiv:1712.04086",
)
MEEHAN = Paper(
    "Meehan, Chaudhuri & Dasgupta",
    2020,
    "A Non-Parametric Test to Detect Data-Copying in Generative Models",
    "AISTATS, arXiv:2004.05675",
)
MIYATO = Paper(
    "Miyato & Koyama", 2018, "cGANs with Projection Discriminator", "ICLR, arXiv:1802.05637"
)
NAEEM = Paper(
    "Naeem et al.",
    2020,
    "Reliable Fidelity and Diversity Metrics for Generative Models",
    "ICML, arXiv:2002.09797",
)
ODENA = Paper(
    "Odena, Olah & Shlens",
    2017,
    "Conditional Image Synthesis with Auxiliary Classifier GANs",
    "ICML, arXiv:1610.09585",
)
PARK = Paper(
    "Park & Kim",
    2023,
    "Probabilistic Precision and Recall Towards Reliable Evaluation of Generative Models",
    "ICCV, arXiv:2309.01590",
)
PASARKAR = Paper(
    "Pasarkar & Dieng",
    2024,
    "Cousins of the Vendi Score: A Family of Similarity-Based Diversity Metrics for Science and "
    "Machine Learning",
    "AISTATS, arXiv:2310.12952",
)
RAVURI = Paper(
    "Ravuri & Vinyals",
    2019,
    "Classification Accuracy Score for Conditional Generative Models",
    "NeurIPS, arXiv:1905.10887",
)
RICHARDSON = Paper("Richardson & Weiss", 2018, "On GANs and GMMs", "NeurIPS, arXiv:1805.12462")
SAJJADI = Paper(
    "Sajjadi et al.",
    2018,
    "Assessing Generative Models via Precision and Recall",
    "NeurIPS, arXiv:1806.00035",
)
SALIMANS = Paper(
    "Salimans et al.", 2016, "Improved Techniques for Training GANs", "NeurIPS, arXiv:1606.03498"
)
SHMELKOV = Paper(
    "Shmelkov, Schmid & Alahari", 2018, "How good is my GAN?", "ECCV, arXiv:1807.09499"
)
SRIVASTAVA = Paper(
    "Srivastava et al.",
    2017,
    "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning",
    "NeurIPS, arXiv:1705.07761",
)
STEIN = Paper(
    "Stein et al.",
    2023,
    "Exposing flaws of generative model evaluation metrics and their unfair treatment of "
    "diffusion models",
    "NeurIPS, arXiv:2306.04675",
)
WANG = Paper(
    "Wang, Simoncelli & Bovik",
    2003,
    "Multiscale structural similarity for image quality assessment",
    "Asilomar Conference",
)
WEED = Paper(
    "Weed & Bach",
    2019,
    "Sharp asymptotic and finite-sample rates of convergence of empirical measures in Wasserstein "
    "distance",
    "Bernoulli 25",
)
ZHANG = Paper(
    "Zhang et al.",
    2018,
    "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
    "CVPR, arXiv:1801.03924",
)
