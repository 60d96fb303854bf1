"""The benchmarks: `make bench`. Figures of a really started system, beside limits measured in the same run."""
