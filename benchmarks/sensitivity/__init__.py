"""Which metric sees which disturbance, and at how many images: the README's picture.

disturbances -> sets -> measure -> verdicts -> picture: ``python -m benchmarks.sensitivity``.
"""
