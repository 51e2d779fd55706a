"""The scoreboard: tests that others wrote, run on real Locust and on gregaria, and counted.

`scripts/compat` is the way in; `__main__` says what it can do. One run goes through these modules:

    setting      an environment with the tests' dependencies, the sources of the suites, a tree per side
    suites       which suites there are and what belongs to each
    programs     runs scripts as their authors meant (examples.toml), against the site of target
    modules      runs one test module in processes of its own, past hangs
    units        the order of all that: side by side, the longest first, and again alone what failed
    results      what a test did, over several attempts
    score        which test counts how: its class, its reason, the counts
    record       compat/scoreboard.json: written by a full run, held against by the quick one
    differences  compat/differences.toml
    render       COMPATIBILITY.md from all of that
"""
