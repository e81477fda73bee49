"""Whether the joint update of both networks turns in circles."""

import numpy as np
import numpy.typing as npt


def rotation(moves: npt.NDArray[np.float32]) -> float | None:
    """How clearly the direction of the updates turns round and comes back.

    With r(k) the mean cosine between moves k apart: min(-r(k), r(k')) for the k of the smallest
    r and the best k' > k. A circle gives 1, a straight line at most 0, a random walk about 0.

    Args:
        moves: (n, m), differences of m sampled weights between successive checks.

    Returns:
        None below 12 moves.
    """
    if len(moves) < 12:
        return None
    lengths = np.linalg.norm(moves, axis=1)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        return None
    units = moves / lengths[:, None]
    # Lags up to two thirds of the moves, so that each mean has some cosines.
    correlations = np.array(
        [(units[k:] * units[:-k]).sum(1).mean() for k in range(1, 2 * len(moves) // 3)]
    )
    low = int(correlations[:-1].argmin())
    return float(min(-correlations[low], correlations[low + 1 :].max()))
