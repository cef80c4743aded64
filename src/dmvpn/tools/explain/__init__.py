"""`dmvpn explain WORD...`: the meaning of a word that this program prints, in the words of an engineer who teaches.

    Explainer(features, commands).ask(text)   -> Answer: all meanings, the most likely first, or words spelled alike
    render(answer)                            the answer as text

    lookup      the order of attempts for a question: clause, log line, code, word, cell, line, command
    outer       words of `dmvpn doctor`, `lab watch` and `lint`, which no router prints

The texts are with the features (`features/*/explain.py`); `router/vocabulary.py` collects them.
"""

from dmvpn.tools.explain.lookup import Answer, Explainer, FoundMeaning, render

__all__ = ["Answer", "Explainer", "FoundMeaning", "render"]
