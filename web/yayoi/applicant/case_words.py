"""The procedure's reasons as applicants read them: what they say to operators alone is cut."""

FOR_OPERATORS = ("いまできる操作：", "（cancel）", "JSON")
"""A sentence that holds one of these names what only the operators' screen has."""


def for_applicants(reason: str | None) -> str:
    """Return the sentences of a refusal up to the first that is for operators."""
    kept = []
    for sentence in (reason or "").split("。"):
        if any(mark in sentence for mark in FOR_OPERATORS):
            break
        kept.append(sentence)
    return "。".join([*(sentence for sentence in kept if sentence.strip()), ""])
