"""`python -m monitoring`: writes the boards anew."""

from monitoring.boards import BOARDS, FOLDER, written

if __name__ == "__main__":
    for name, board in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(written(board), encoding="utf-8")
