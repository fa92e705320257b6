"""The README's Python is run as it is printed, and names only what exists."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_printed_python_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 4
    for code in blocks:
        exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "is indefinite" in printed
    assert float(re.search(r"^(0\.\d+) by", printed, re.MULTILINE)[1]) > 0.97
    machine, treatment = re.search(r"^(0\.\d+) (krein|definite) ", printed, re.MULTILINE).groups()
    assert float(machine) > 0.93 and treatment == "krein"
    assert "Factorization(Sigmoid(" in printed


def test_every_make_target_that_is_named_exists():
    makefile = (README.parent / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (demo|test|bench|check|format)\b", README.read_text())):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_public_names_are_there_and_import_is_free_of_heavy_packages():
    import ogive

    for name in dir(ogive):
        if not name.startswith("__"):
            assert getattr(ogive, name) is not None


def test_every_command_line_that_is_printed_can_be_parsed():
    import shlex

    import typer

    from ogive.cli.main import app

    group = typer.main.get_command(app)
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("ogive ")]
    assert len(lines) >= 7
    for line in lines:
        name, *arguments = shlex.split(line, comments=True)[1:]
        command = group.commands[name]
        with command.make_context(name, arguments) as context:
            assert not context.args, f"{line}: not understood: {context.args}"
