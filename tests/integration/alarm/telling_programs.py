"""Programs that are told something, and keep it."""

from pathlib import Path

NAMES = ("STATE", "SUBJECT", "BODY", "ABOUT", "CODES", "SIGNAL")


def make_teller(folder: Path, *, status: int = 0, then: str = "") -> Path:
    """A program that keeps its words, its input and what it finds in its environment."""
    program = folder / "tell"
    kept = "\n".join(f'printf "%s" "$VAMPD_{name}" > "$folder/{name}"' for name in NAMES)
    program.write_text(
        "#!/bin/sh\n"
        f"n=$(ls {folder} | grep -c '^call') folder={folder}/call$n.new\n"
        f"mkdir $folder\n"
        "printf '%s\\n' \"$@\" > $folder/words\n"
        "cat > $folder/input\n"
        f'printf "%s" "$PATH" > $folder/PATH\n{kept}\nmv $folder {folder}/call$n\n'
        f"{then}\necho 'the service is away' >&2\nexit {status}\n"
    )
    program.chmod(0o755)
    return program


def calls(folder: Path) -> list[dict[str, str]]:
    """What the program was told, call by call."""
    found = sorted(folder.glob("call*"), key=lambda path: int(path.stem.removeprefix("call")))
    return [
        {path.name: path.read_text() for path in call.iterdir()}
        for call in found
        if not call.suffix
    ]
