"""The command `gregaria`. The program itself is the package `locust`, which the original Locust provides too: what has to work
also after that has been installed over it stands here."""
