"""`python -m gateway` is `huiyin`."""

from gateway.cli import main

main()
