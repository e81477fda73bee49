"""Which of the well-known tricks help: each added to one baseline, over ten seeds.

python -m benchmarks.tricks --jobs 2        # the runs that are missing, then the table
python -m benchmarks.tricks --table
python -m benchmarks.tricks --picture       # the forest plot of README.md
"""
