"""One module a command: its arguments, its output, its exit code. The work is done by the modules above."""
