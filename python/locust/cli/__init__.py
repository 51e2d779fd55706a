"""The command line program, in the order in which its parts act.

| Module | What it does |
|---|---|
| `table` | reads the one table of options out of the native module |
| `config_files` | configuration files, for the parser in `locust.argument_parser` |
| `from_files` | what the parser knows of where a value came from: files and variables |
| `locustfiles` | finds, fetches and loads the scripts, and merges what they define |
| `checks` | refuses what cannot work, before anything is started |
| `actions` | what ends the program without a run: `--list`, `--show-task-ratio` |
| `preparation` | environment, runner and files of a run |
| `run` | the run itself: start, run time, keys, waiting for its end |
| `terminal` | the block of figures at the foot of the terminal |
| `signals` | SIGINT and SIGTERM, so that neither is lost |
| `web` | the web interface of the run |
| `ending` | the exit sequence: teardown, exit code, final reports |
| `subcommands` | what `gregaria` can do beside running a test |
| `reports` | the files that tell of a finished run |
| `blog` | `gregaria blog`, the sample site to practise on |
| `check` | `gregaria check`, what of a script will differ |
| `ab` | `gregaria ab`, one script on real Locust and on gregaria, compared |

`locust.main.main` calls them one after another. Functions here report what went wrong and raise `SystemExit`;
only `main` leaves the process.
"""
