"""`python -m pixelrnn`: the command, where its script is not on the path."""

from pixelrnn.command.main import main

if __name__ == "__main__":
    main()
