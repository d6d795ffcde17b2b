"""What is found out on the way to a plan: facts, questions, and the arguments that repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field

from coffeert.importer.plan import Answer, Question


@dataclass(slots=True)
class Notes:
    """Collects what a plan says about itself."""

    facts: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def say(self, fact: str) -> None:
        """Add a fact once."""
        if fact not in self.facts:
            self.facts.append(fact)

    def ask(self, text: str, *answers: tuple[tuple[str, ...], str]) -> None:
        """Add a question with the arguments of each answer and what it means."""
        self.questions.append(Question(text, tuple(Answer(*answer) for answer in answers)))

    def argue(self, *arguments: str) -> None:
        """Add an option of the command that would repeat the plan."""
        self.arguments += arguments
