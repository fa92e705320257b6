"""Fair benchmarks: Ogive beside its peers, answers compared before anything is timed."""
