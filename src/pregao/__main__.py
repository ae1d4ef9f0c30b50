"""`python -m pregao` is the command `pregao`."""

from pregao.cli.main import run

if __name__ == "__main__":
    run()
