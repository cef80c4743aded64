"""The chronicles of several routers together: a ladder diagram for the terminal, and a story in a file.

    steps.py     lines of many routers -> arrows from one to another, and notes, in the order of time; their names
    ladder.py    steps -> one line each, columns for routers; or a story, which is a document: the network, a Mermaid
                 sequence diagram, a sentence for each step

Pure: lines in, text out. `app.watch` reads from the lab and writes to the terminal.
"""

from dmvpn.tools.watch.ladder import Ladder, Look, StoryNetwork, diagram, story
from dmvpn.tools.watch.steps import Arrow, Assembler, Note, Step

__all__ = ["Arrow", "Assembler", "Ladder", "Look", "Note", "Step", "StoryNetwork", "diagram", "story"]
