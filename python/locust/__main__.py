"""`python -m locust`."""

from .main import main

if __name__ == "__main__":
    main()
