"""The experiments, one a file; each is an `async def run(bench) -> Experiment`."""
